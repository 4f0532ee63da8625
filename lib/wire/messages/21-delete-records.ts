import { api } from '../api.ts';
import { array, int16, int32, int64, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Raises the log start to an offset; -1 means the high watermark. */
export const DeleteRecordsRequest = message('DeleteRecordsRequest', '0-2', '2+', {
  topics: array({ name: string(), partitions: array({ partitionIndex: int32(), offset: int64() }) }),
  timeoutMs: int32(),
});

export const DeleteRecordsResponse = message('DeleteRecordsResponse', '0-2', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  topics: array({
    name: string(),
    partitions: array({ partitionIndex: int32(), lowWatermark: int64(), errorCode: int16() }),
  }),
});

export const DeleteRecords = api('DeleteRecords', DeleteRecordsRequest, DeleteRecordsResponse);
