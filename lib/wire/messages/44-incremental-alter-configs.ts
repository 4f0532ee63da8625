import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Changes single configs: set (0), delete (1), append to (2) or subtract from (3) a list. */
export const IncrementalAlterConfigsRequest = message('IncrementalAlterConfigsRequest', '0-1', '1+', {
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    configs: array({ name: string(), configOperation: int8(), value: string({ nullable: true }) }),
  }),
  validateOnly: bool(),
});

export const IncrementalAlterConfigsResponse = message('IncrementalAlterConfigsResponse', '0-1', '1+', {
  throttleTimeMs: int32({ default: 0 }),
  responses: array({
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true }),
    resourceType: int8(),
    resourceName: string(),
  }),
});

export const IncrementalAlterConfigs = api(
  'IncrementalAlterConfigs',
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
);
