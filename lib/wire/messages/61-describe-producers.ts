import { api } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Lists the active producers of partitions, with their open transactions. */
export const DescribeProducersRequest = message('DescribeProducersRequest', '0', '0+', {
  topics: array({ name: string(), partitionIndexes: array(int32()) }),
});

export const DescribeProducersResponse = message('DescribeProducersResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true, default: null }),
      activeProducers: array({
        producerId: int64(),
        producerEpoch: int32(),
        lastSequence: int32({ default: -1 }),
        lastTimestamp: int64({ default: -1 }),
        coordinatorEpoch: int32(),
        currentTxnStartOffset: int64({ default: -1 }),
      }),
    }),
  }),
});

export const DescribeProducers = api('DescribeProducers', DescribeProducersRequest, DescribeProducersResponse);
