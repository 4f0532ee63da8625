import { api } from '../api.ts';
import { array, bool, bytes, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Describes groups of the classic protocol. From 6 on, an unknown group is an error; before, it is
 * a dead group.
 */
export const DescribeGroupsRequest = message('DescribeGroupsRequest', '0-6', '5+', {
  groups: array(string()),
  includeAuthorizedOperations: bool('3+'),
});

export const DescribeGroupsResponse = message('DescribeGroupsResponse', '0-6', '5+', {
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  groups: array({
    errorCode: int16(),
    errorMessage: string('6+', { clipped: true, nullable: true, default: null }),
    groupId: string(),
    groupState: string(),
    protocolType: string(),
    protocolData: string(),
    members: array({
      memberId: string(),
      groupInstanceId: string('4+', { nullable: true, default: null, ignorable: true }),
      clientId: string(),
      clientHost: string(),
      memberMetadata: bytes(),
      memberAssignment: bytes(),
    }),
    authorizedOperations: int32('3+', { default: -2147483648 }),
  }),
});

export const DescribeGroups = api('DescribeGroups', DescribeGroupsRequest, DescribeGroupsResponse);
