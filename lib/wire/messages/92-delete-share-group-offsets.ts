import { api } from '../api.ts';
import { array, int16, int32, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Deletes a share group's state of topics. */
export const DeleteShareGroupOffsetsRequest = message('DeleteShareGroupOffsetsRequest', '0', '0+', {
  groupId: string(),
  topics: array({ topicName: string() }),
});

export const DeleteShareGroupOffsetsResponse = message('DeleteShareGroupOffsetsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  responses: array({
    topicName: string(),
    topicId: uuid(),
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true, default: null }),
  }),
});

export const DeleteShareGroupOffsets = api(
  'DeleteShareGroupOffsets',
  DeleteShareGroupOffsetsRequest,
  DeleteShareGroupOffsetsResponse,
);
