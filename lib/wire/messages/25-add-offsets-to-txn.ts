import { api } from '../api.ts';
import { int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Announces that a transaction will commit offsets of a group. */
export const AddOffsetsToTxnRequest = message('AddOffsetsToTxnRequest', '0-4', '3+', {
  transactionalId: string(),
  producerId: int64(),
  producerEpoch: int16(),
  groupId: string(),
});

export const AddOffsetsToTxnResponse = message('AddOffsetsToTxnResponse', '0-4', '3+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
});

export const AddOffsetsToTxn = api('AddOffsetsToTxn', AddOffsetsToTxnRequest, AddOffsetsToTxnResponse);
