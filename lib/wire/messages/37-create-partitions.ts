import { api } from '../api.ts';
import { array, bool, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Raises partition counts. */
export const CreatePartitionsRequest = message('CreatePartitionsRequest', '0-3', '2+', {
  topics: array({
    name: string(),
    count: int32(),
    assignments: array({ brokerIds: array(int32()) }, { nullable: true }),
  }),
  timeoutMs: int32(),
  validateOnly: bool(),
});

export const CreatePartitionsResponse = message('CreatePartitionsResponse', '0-3', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  results: array({
    name: string(),
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true, default: null }),
  }),
});

export const CreatePartitions = api('CreatePartitions', CreatePartitionsRequest, CreatePartitionsResponse);
