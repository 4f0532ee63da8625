import { api } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Describes transactions by transactional id. */
export const DescribeTransactionsRequest = message('DescribeTransactionsRequest', '0', '0+', {
  transactionalIds: array(string()),
});

export const DescribeTransactionsResponse = message('DescribeTransactionsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  transactionStates: array({
    errorCode: int16(),
    transactionalId: string(),
    transactionState: string(),
    transactionTimeoutMs: int32(),
    transactionStartTimeMs: int64(),
    producerId: int64(),
    producerEpoch: int16(),
    topics: array({ topic: string(), partitions: array(int32()) }),
  }),
});

export const DescribeTransactions = api(
  'DescribeTransactions',
  DescribeTransactionsRequest,
  DescribeTransactionsResponse,
);
