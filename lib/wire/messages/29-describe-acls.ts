import { api } from '../api.ts';
import { array, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Lists ACLs that match a filter. 1 added prefixed patterns (KIP-290), 3 the resource type user.
 */
export const DescribeAclsRequest = message('DescribeAclsRequest', '1-3', '2+', {
  resourceTypeFilter: int8(),
  resourceNameFilter: string({ nullable: true }),
  patternTypeFilter: int8({ default: 3 }),
  principalFilter: string({ nullable: true }),
  hostFilter: string({ nullable: true }),
  operation: int8(),
  permissionType: int8(),
});

export const DescribeAclsResponse = message('DescribeAclsResponse', '1-3', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  resources: array({
    resourceType: int8(),
    resourceName: string(),
    patternType: int8({ default: 3 }),
    acls: array({
      principal: string(),
      host: string(),
      operation: int8(),
      permissionType: int8(),
    }),
  }),
});

export const DescribeAcls = api('DescribeAcls', DescribeAclsRequest, DescribeAclsResponse);
