import { api } from '../api.ts';
import { array, bool, int16, int32, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Describes topics page by page; the cursor is the start of the next page. */
export const DescribeTopicPartitionsRequest = message('DescribeTopicPartitionsRequest', '0', '0+', {
  topics: array({ name: string() }),
  responsePartitionLimit: int32({ default: 2000 }),
  cursor: struct({ topicName: string(), partitionIndex: int32() }, { nullable: true, default: null }),
});

export const DescribeTopicPartitionsResponse = message('DescribeTopicPartitionsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  topics: array({
    errorCode: int16(),
    name: string({ nullable: true }),
    topicId: uuid({ ignorable: true }),
    isInternal: bool({ default: false, ignorable: true }),
    partitions: array({
      errorCode: int16(),
      partitionIndex: int32(),
      leaderId: int32(),
      leaderEpoch: int32({ default: -1, ignorable: true }),
      replicaNodes: array(int32()),
      isrNodes: array(int32()),
      eligibleLeaderReplicas: array(int32(), { nullable: true, default: null }),
      lastKnownElr: array(int32(), { nullable: true, default: null }),
      offlineReplicas: array(int32(), { ignorable: true }),
    }),
    topicAuthorizedOperations: int32({ default: -2147483648 }),
  }),
  nextCursor: struct({ topicName: string(), partitionIndex: int32() }, { nullable: true, default: null }),
});

export const DescribeTopicPartitions = api(
  'DescribeTopicPartitions',
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
);
