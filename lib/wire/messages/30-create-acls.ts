import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Adds ACLs. */
export const CreateAclsRequest = message('CreateAclsRequest', '1-3', '2+', {
  creations: array({
    resourceType: int8(),
    resourceName: string(),
    resourcePatternType: int8({ default: 3 }),
    principal: string(),
    host: string(),
    operation: int8(),
    permissionType: int8(),
  }),
});

export const CreateAclsResponse = message('CreateAclsResponse', '1-3', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  results: array({ errorCode: int16(), errorMessage: string({ clipped: true, nullable: true }) }),
});

export const CreateAcls = api('CreateAcls', CreateAclsRequest, CreateAclsResponse);
