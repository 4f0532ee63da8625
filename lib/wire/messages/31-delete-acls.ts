import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Removes the ACLs that match filters, and returns them. */
export const DeleteAclsRequest = message('DeleteAclsRequest', '1-3', '2+', {
  filters: array({
    resourceTypeFilter: int8(),
    resourceNameFilter: string({ nullable: true }),
    patternTypeFilter: int8({ default: 3 }),
    principalFilter: string({ nullable: true }),
    hostFilter: string({ nullable: true }),
    operation: int8(),
    permissionType: int8(),
  }),
});

export const DeleteAclsResponse = message('DeleteAclsResponse', '1-3', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  filterResults: array({
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true }),
    matchingAcls: array({
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true }),
      resourceType: int8(),
      resourceName: string(),
      patternType: int8({ default: 3 }),
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  }),
});

export const DeleteAcls = api('DeleteAcls', DeleteAclsRequest, DeleteAclsResponse);
