import { api } from '../api.ts';
import { int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Gives a producer its id and epoch, and fences older producers of the same transactional id. From
 * 3 on, a producer with an id asks for the next epoch (KIP-360).
 */
export const InitProducerIdRequest = message('InitProducerIdRequest', '0-5', '2+', {
  transactionalId: string({ nullable: true }),
  transactionTimeoutMs: int32(),
  producerId: int64('3+', { default: -1 }),
  producerEpoch: int16('3+', { default: -1 }),
});

export const InitProducerIdResponse = message('InitProducerIdResponse', '0-5', '2+', {
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  errorCode: int16(),
  producerId: int64({ default: -1 }),
  producerEpoch: int16(),
});

export const InitProducerId = api('InitProducerId', InitProducerIdRequest, InitProducerIdResponse);
