import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Replaces all configs of a resource. Configs that are not named return to their defaults. */
export const AlterConfigsRequest = message('AlterConfigsRequest', '0-2', '2+', {
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    configs: array({ name: string(), value: string({ nullable: true }) }),
  }),
  validateOnly: bool(),
});

export const AlterConfigsResponse = message('AlterConfigsResponse', '0-2', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  responses: array({
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true }),
    resourceType: int8(),
    resourceName: string(),
  }),
});

export const AlterConfigs = api('AlterConfigs', AlterConfigsRequest, AlterConfigsResponse);
