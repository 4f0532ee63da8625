import { api } from '../api.ts';
import { array, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Deletes a group's committed offsets of partitions to which it is not subscribed. */
export const OffsetDeleteRequest = message('OffsetDeleteRequest', '0', 'none', {
  groupId: string(),
  topics: array({ name: string(), partitions: array({ partitionIndex: int32() }) }),
});

export const OffsetDeleteResponse = message('OffsetDeleteResponse', '0', 'none', {
  errorCode: int16(),
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  topics: array({ name: string(), partitions: array({ partitionIndex: int32(), errorCode: int16() }) }),
});

export const OffsetDelete = api('OffsetDelete', OffsetDeleteRequest, OffsetDeleteResponse);
