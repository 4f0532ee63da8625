import { api } from '../api.ts';
import { array, int16, int32, int64, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Returns the start offsets of share groups. Null topics mean all. */
export const DescribeShareGroupOffsetsRequest = message('DescribeShareGroupOffsetsRequest', '0-1', '0+', {
  groups: array({
    groupId: string(),
    topics: array({ topicName: string(), partitions: array(int32()) }, { nullable: true }),
  }),
});

export const DescribeShareGroupOffsetsResponse = message('DescribeShareGroupOffsetsResponse', '0-1', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  groups: array({
    groupId: string(),
    topics: array({
      topicName: string(),
      topicId: uuid(),
      partitions: array({
        partitionIndex: int32(),
        startOffset: int64(),
        leaderEpoch: int32(),
        lag: int64('1+', { default: -1, ignorable: true }),
        errorCode: int16(),
        errorMessage: string({ clipped: true, nullable: true, default: null }),
      }),
    }),
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true, default: null }),
  }),
});

export const DescribeShareGroupOffsets = api(
  'DescribeShareGroupOffsets',
  DescribeShareGroupOffsetsRequest,
  DescribeShareGroupOffsetsResponse,
);
