import { allowedOperations, OPERATIONS_NOT_ASKED, operationAccesses } from '../../auth/allowed-operations.ts';
import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { type ClassicGroup, isClassic, metadataOf, NO_ASSIGNMENT } from '../../groups/classic/state.ts';
import { each } from '../../kit/each.ts';
import { DescribeGroups } from '../../wire/messages/15-describe-groups.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';

/** From this version on, a missing group is an error, and errors have a message. */
const FIRST_WITH_NOT_FOUND = 6;
const FIRST_WITH_OPERATIONS = 3;

/**
 * DescribeGroups, versions 0 to 6, for groups of the classic protocol. Groups of the consumer
 * protocol are not found, as in Kafka (ConsumerGroupDescribe returns them).
 */
export const describeGroups = defineApi(DescribeGroups, async (broker: GroupBroker, request, version, context) => {
  const withOperations = version >= FIRST_WITH_OPERATIONS && request.includeAuthorizedOperations;
  const groupIds = new Set(request.groups);
  const decisions = await broker.authorize(
    context,
    withOperations
      ? [...groupIds].flatMap((groupId) => operationAccesses(groupResource(groupId)))
      : groupAccesses('DESCRIBE', groupIds),
  );
  const describe = async (groupId: string) => {
    const resource = groupResource(groupId);
    if (!decisions.allows('DESCRIBE', resource)) return failed(groupId, '', 'GROUP_AUTHORIZATION_FAILED');
    const found = await broker.groups.describe(groupId, context);
    // An invalid group id gets the answer of a missing group.
    if (found.kind === 'failed' && found.error !== 'INVALID_GROUP_ID') return failed(groupId, '', found.error);
    const group = found.kind === 'reply' ? found.reply : undefined;
    const operations = withOperations ? allowedOperations(decisions, resource) : OPERATIONS_NOT_ASKED;
    if (group !== undefined && isClassic(group)) {
      return { errorCode: 0, ...describeClassic(groupId, group), authorizedOperations: operations };
    }
    if (version < FIRST_WITH_NOT_FOUND) return { ...failed(groupId, 'Dead', 'NONE'), authorizedOperations: operations };
    const message = group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a classic group.`;
    return { ...failed(groupId, 'Dead', 'GROUP_ID_NOT_FOUND'), errorMessage: message };
  };
  return { groups: await each(broker, request.groups, describe, (groupId) => groupId) };
});

function failed(groupId: string, groupState: string, error: ErrorName) {
  return { errorCode: errorCode(error), groupId, groupState, protocolType: '', protocolData: '', members: [] };
}

function describeClassic(groupId: string, group: ClassicGroup) {
  const isStable = group.state === 'Stable';
  const { members, assignments } = group.roster;
  return {
    groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: isStable ? (group.protocolName ?? '') : '',
    members: [...members.values()].map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      // During a rebalance no protocol is in use.
      memberMetadata: isStable ? metadataOf(member, group.protocolName) : NO_ASSIGNMENT,
      memberAssignment: assignments.get(member.memberId) ?? NO_ASSIGNMENT,
    })),
  };
}
