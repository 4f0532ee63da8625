import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { deleteStep } from '../../groups/steps.ts';
import { each } from '../../kit/each.ts';
import { DeleteGroups } from '../../wire/messages/42-delete-groups.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';

/**
 * DeleteGroups, versions 0 to 2: deletes groups without members, and their offsets. Each group is
 * answered once.
 */
export const deleteGroups = defineApi(DeleteGroups, async (broker: GroupBroker, request, _version, context) => {
  const groupIds = [...new Set(request.groupsNames)];
  const decisions = await broker.authorize(context, groupAccesses('DELETE', groupIds));
  const remove = async (groupId: string): Promise<ErrorName> => {
    if (!decisions.allows('DELETE', groupResource(groupId))) return 'GROUP_AUTHORIZATION_FAILED';
    const submitted = await broker.groups.submit(groupId, deleteStep, context);
    if (submitted.kind === 'reply') return submitted.reply;
    // An invalid group id gets the answer of a missing group.
    return submitted.error === 'INVALID_GROUP_ID' ? 'GROUP_ID_NOT_FOUND' : submitted.error;
  };
  const errors = await each(broker, groupIds, remove);
  return { results: groupIds.map((groupId, i) => ({ groupId, errorCode: errorCode(errors[i]!) })) };
});
