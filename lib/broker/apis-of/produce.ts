import { produce } from '../api/00-produce.ts';
import { initProducerId } from '../api/22-init-producer-id.ts';
import { addPartitionsToTxn } from '../api/24-add-partitions-to-txn.ts';
import { addOffsetsToTxn } from '../api/25-add-offsets-to-txn.ts';
import { endTxn } from '../api/26-end-txn.ts';
import type { ProduceBroker, TransactionBroker } from '../broker.ts';
import type { ApisOf } from '../define-api.ts';

/** The APIs that the function `produce` serves. */
export const produceApis: ApisOf<'produce', ProduceBroker & TransactionBroker> = {
  Produce: produce,
  InitProducerId: initProducerId,
  AddPartitionsToTxn: addPartitionsToTxn,
  AddOffsetsToTxn: addOffsetsToTxn,
  EndTxn: endTxn,
};
