import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { resumeJoin } from '../../groups/classic/join.ts';
import { type JoinReply, joinRefused } from '../../groups/classic/requests.ts';
import { joinStep } from '../../groups/steps.ts';
import { JoinGroup } from '../../wire/messages/11-join-group.ts';
import type { GroupBroker } from '../broker.ts';
import { AskAgain } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { adviseGroup } from '../group-advice.ts';

/**
 * From version 1 on, members send their rebalance time-out. Before, it equals the session time-out.
 */
const FIRST_WITH_REBALANCE_TIMEOUT = 1;
/** The first version in which a new member first gets its id (KIP-394). */
const FIRST_WITH_REQUIRED_MEMBER_ID = 4;
/** Up to this version the protocol name may not be null. */
const FIRST_WITH_NULLABLE_PROTOCOL = 7;
/** The first version with `skipAssignment` (KIP-814). */
const FIRST_WITH_SKIP_ASSIGNMENT = 9;

/**
 * JoinGroup, versions 0 to 9, for groups of the classic protocol and of the consumer protocol
 * (KIP-848). Waits for the other members, up to the longest rebalance time-out among them.
 */
export const joinGroup = defineApi(JoinGroup, async (broker: GroupBroker, request, version, context) => {
  const { groupId, memberId, sessionTimeoutMs } = request;
  const respond = (reply: JoinReply) => answer(reply, version);
  const decisions = await broker.authorize(context, groupAccesses('READ', [groupId]));
  if (!decisions.allows('READ', groupResource(groupId))) {
    return respond(joinRefused(memberId, 'GROUP_AUTHORIZATION_FAILED'));
  }
  if (groupId === '') return respond(joinRefused(memberId, 'INVALID_GROUP_ID'));
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = broker.settings.groups.classic;
  if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
    return respond(joinRefused(memberId, 'INVALID_SESSION_TIMEOUT'));
  }
  const step = joinStep({
    memberId,
    instanceId: request.groupInstanceId,
    protocolType: request.protocolType,
    // The group outlives the frame, and these are views into it.
    protocols: request.protocols.map(({ name, metadata }) => ({ name, metadata: Buffer.from(metadata) })),
    sessionTimeoutMs,
    rebalanceTimeoutMs: version >= FIRST_WITH_REBALANCE_TIMEOUT ? request.rebalanceTimeoutMs : sessionTimeoutMs,
    clientId: context.clientId,
    clientHost: `/${context.host}`,
    requiresKnownMemberId: version >= FIRST_WITH_REQUIRED_MEMBER_ID,
    supportsSkippingAssignment: version >= FIRST_WITH_SKIP_ASSIGNMENT,
  });
  if (request.reason !== null) {
    broker.logger.log('debug', { event: 'group_join', groupId, memberId, reason: request.reason });
  }
  const token = context.again?.token;
  const resumed = token === undefined ? undefined : resumeJoin(token, request.groupInstanceId);
  const submitted = await broker.groups.submitWaiting(groupId, resumed ?? step, context);
  // A join that waits on changes nothing any more; its first try began a rebalance, and its end is one.
  adviseGroup(context, groupId, token === undefined || submitted.kind !== 'again');
  if (submitted.kind === 'again') return new AskAgain(submitted.token);
  return respond(submitted.kind === 'reply' ? submitted.reply : joinRefused(memberId, submitted.error));
});

function answer(reply: JoinReply, version: number) {
  const { protocolName } = reply;
  return {
    errorCode: errorCode(reply.error),
    generationId: reply.generation,
    protocolType: reply.protocolType,
    protocolName: version >= FIRST_WITH_NULLABLE_PROTOCOL ? protocolName : (protocolName ?? ''),
    leader: reply.leader,
    ...(reply.skipAssignment ? { skipAssignment: true } : {}),
    memberId: reply.memberId,
    members: reply.members.map(({ memberId, instanceId, metadata }) => ({
      memberId,
      groupInstanceId: instanceId,
      metadata,
    })),
  };
}
