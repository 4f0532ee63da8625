import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { type SyncReply, syncRefused } from '../../groups/classic/requests.ts';
import { syncStep } from '../../groups/steps.ts';
import { SyncGroup } from '../../wire/messages/14-sync-group.ts';
import type { GroupBroker } from '../broker.ts';
import { AskAgain } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { adviseGroup } from '../group-advice.ts';

/** From this version on, request and answer name the protocol. */
const FIRST_WITH_PROTOCOL = 5;

/** SyncGroup, versions 0 to 5. The leader sends the assignment; the other members wait for it. */
export const syncGroup = defineApi(SyncGroup, async (broker: GroupBroker, request, version, context) => {
  const { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName } = request;
  const decisions = await broker.authorize(context, groupAccesses('READ', [groupId]));
  if (!decisions.allows('READ', groupResource(groupId))) {
    return answer(syncRefused('GROUP_AUTHORIZATION_FAILED'));
  }
  if (groupId === '') return answer(syncRefused('INVALID_GROUP_ID'));
  if (version >= FIRST_WITH_PROTOCOL && (protocolType === null || protocolName === null)) {
    return answer(syncRefused('INCONSISTENT_GROUP_PROTOCOL'));
  }
  // The group outlives the frame, and these are views into it.
  const assignments = new Map(request.assignments.map((one) => [one.memberId, Buffer.from(one.assignment)]));
  const step = syncStep({
    memberId,
    instanceId: groupInstanceId,
    generation: generationId,
    protocolType,
    protocolName,
    assignments,
  });
  const submitted = await broker.groups.submitWaiting(groupId, step, context);
  adviseGroup(context, groupId, submitted.kind !== 'again');
  if (submitted.kind === 'again') return new AskAgain(submitted.token);
  return answer(submitted.kind === 'reply' ? submitted.reply : syncRefused(submitted.error));
});

function answer({ error, protocolType, protocolName, assignment }: SyncReply) {
  return { errorCode: errorCode(error), protocolType, protocolName, assignment };
}
