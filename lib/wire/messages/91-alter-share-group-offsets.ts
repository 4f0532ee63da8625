import { api } from '../api.ts';
import { array, int16, int32, int64, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Sets the start offsets of a share group. */
export const AlterShareGroupOffsetsRequest = message('AlterShareGroupOffsetsRequest', '0', '0+', {
  groupId: string(),
  topics: array({ topicName: string(), partitions: array({ partitionIndex: int32(), startOffset: int64() }) }),
});

export const AlterShareGroupOffsetsResponse = message('AlterShareGroupOffsetsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  responses: array({
    topicName: string(),
    topicId: uuid(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true, default: null }),
    }),
  }),
});

export const AlterShareGroupOffsets = api(
  'AlterShareGroupOffsets',
  AlterShareGroupOffsetsRequest,
  AlterShareGroupOffsetsResponse,
);
