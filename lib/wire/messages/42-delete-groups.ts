import { api } from '../api.ts';
import { array, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Deletes groups that have no members. */
export const DeleteGroupsRequest = message('DeleteGroupsRequest', '0-2', '2+', { groupsNames: array(string()) });

export const DeleteGroupsResponse = message('DeleteGroupsResponse', '0-2', '2+', {
  throttleTimeMs: int32({ default: 0 }),
  results: array({ groupId: string(), errorCode: int16() }),
});

export const DeleteGroups = api('DeleteGroups', DeleteGroupsRequest, DeleteGroupsResponse);
