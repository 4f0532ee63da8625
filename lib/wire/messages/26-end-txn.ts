import { api } from '../api.ts';
import { bool, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Commits or aborts a transaction. From 5 on, the answer carries the epoch to use next (KIP-890).
 */
export const EndTxnRequest = message('EndTxnRequest', '0-5', '3+', {
  transactionalId: string(),
  producerId: int64(),
  producerEpoch: int16(),
  committed: bool(),
});

export const EndTxnResponse = message('EndTxnResponse', '0-5', '3+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  producerId: int64('5+', { default: -1, ignorable: true }),
  producerEpoch: int16('5+', { default: -1, ignorable: true }),
});

export const EndTxn = api('EndTxn', EndTxnRequest, EndTxnResponse);
