import { api } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Lists transactions by state, producer id, age (from 1) and a pattern of ids (from 2). */
export const ListTransactionsRequest = message('ListTransactionsRequest', '0-2', '0+', {
  stateFilters: array(string()),
  producerIdFilters: array(int64()),
  durationFilter: int64('1+', { default: -1 }),
  transactionalIdPattern: string('2+', { nullable: true, default: null }),
});

export const ListTransactionsResponse = message('ListTransactionsResponse', '0-2', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  unknownStateFilters: array(string()),
  transactionStates: array({ transactionalId: string(), producerId: int64(), transactionState: string() }),
});

export const ListTransactions = api('ListTransactions', ListTransactionsRequest, ListTransactionsResponse);
