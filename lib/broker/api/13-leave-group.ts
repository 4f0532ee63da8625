import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { MemberIdentity } from '../../groups/classic/requests.ts';
import { leaveStep } from '../../groups/steps.ts';
import { LeaveGroup } from '../../wire/messages/13-leave-group.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { adviseGroup } from '../group-advice.ts';

/** From this version on, several members may leave at once, each with its own error. */
const FIRST_WITH_MEMBERS = 3;

/**
 * LeaveGroup, versions 0 to 5. Up to version 2 there is one member, and its error is the answer's.
 */
export const leaveGroup = defineApi(LeaveGroup, async (broker: GroupBroker, request, version, context) => {
  const { groupId } = request;
  const refused = (error: ErrorName) => ({
    errorCode: errorCode(error),
    ...(version >= FIRST_WITH_MEMBERS ? { members: [] } : {}),
  });
  const decisions = await broker.authorize(context, groupAccesses('READ', [groupId]));
  if (!decisions.allows('READ', groupResource(groupId))) return refused('GROUP_AUTHORIZATION_FAILED');
  if (groupId === '') return refused('INVALID_GROUP_ID');
  const members: MemberIdentity[] =
    version >= FIRST_WITH_MEMBERS
      ? request.members.map(({ memberId, groupInstanceId }) => ({ memberId, instanceId: groupInstanceId }))
      : [{ memberId: request.memberId, instanceId: null }];
  for (const { memberId, reason } of request.members) {
    if (reason !== null) broker.logger.log('debug', { event: 'group_leave', groupId, memberId, reason });
  }
  const submitted = await broker.groups.submit(groupId, leaveStep({ members }), context);
  adviseGroup(context, groupId, true);
  if (submitted.kind === 'failed') return refused(submitted.error);
  if (version < FIRST_WITH_MEMBERS) return { errorCode: errorCode(submitted.reply[0]!.error) };
  return {
    errorCode: 0,
    members: submitted.reply.map(({ memberId, instanceId, error }) => ({
      memberId,
      groupInstanceId: instanceId,
      errorCode: errorCode(error),
    })),
  };
});
