import { api } from '../api.ts';
import { array, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Lists groups, filtered by state (from 4) and by type (from 5, KIP-848). */
export const ListGroupsRequest = message('ListGroupsRequest', '0-5', '3+', {
  statesFilter: array(string(), '4+'),
  typesFilter: array(string(), '5+'),
});

export const ListGroupsResponse = message('ListGroupsResponse', '0-5', '3+', {
  throttleTimeMs: int32('1+', { default: 0, ignorable: true }),
  errorCode: int16(),
  groups: array({
    groupId: string(),
    protocolType: string(),
    groupState: string('4+', { ignorable: true }),
    groupType: string('5+', { ignorable: true }),
  }),
});

export const ListGroups = api('ListGroups', ListGroupsRequest, ListGroupsResponse);
