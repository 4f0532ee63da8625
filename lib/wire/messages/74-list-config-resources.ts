import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Lists resources that have configs. Version 0 lists client metrics only, 1 filters by resource
 * type.
 */
export const ListConfigResourcesRequest = message('ListConfigResourcesRequest', '0-1', '0+', {
  resourceTypes: array(int8(), '1+'),
});

export const ListConfigResourcesResponse = message('ListConfigResourcesResponse', '0-1', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  configResources: array({ resourceName: string(), resourceType: int8('1+', { default: 16, ignorable: true }) }),
});

export const ListConfigResources = api('ListConfigResources', ListConfigResourcesRequest, ListConfigResourcesResponse);
