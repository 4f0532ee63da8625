import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { heartbeatStep } from '../../groups/steps.ts';
import { Heartbeat } from '../../wire/messages/12-heartbeat.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { adviseGroup } from '../group-advice.ts';

/**
 * Heartbeat, versions 0 to 4. Reads the group once. Writes the member's lease when a third of its
 * session has passed.
 */
export const heartbeat = defineApi(Heartbeat, async (broker: GroupBroker, request, _version, context) => {
  const { groupId, memberId, groupInstanceId, generationId } = request;
  const answer = (error: ErrorName) => ({ errorCode: errorCode(error) });
  const decisions = await broker.authorize(context, groupAccesses('READ', [groupId]));
  if (!decisions.allows('READ', groupResource(groupId))) return answer('GROUP_AUTHORIZATION_FAILED');
  if (groupId === '') return answer('INVALID_GROUP_ID');
  const step = heartbeatStep({ memberId, instanceId: groupInstanceId, generation: generationId });
  const submitted = await broker.groups.submit(groupId, step, context);
  adviseGroup(context, groupId, false);
  return answer(submitted.kind === 'reply' ? submitted.reply : submitted.error);
});
