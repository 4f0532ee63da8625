import { allowedOperations, OPERATIONS_NOT_ASKED, operationAccesses } from '../../auth/allowed-operations.ts';
import { ANY_TOPIC, groupAccesses, groupResource, topicResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { Assignment } from '../../groups/assignors/assignor.ts';
import { stateOf } from '../../groups/consumer/protocol.ts';
import { type ConsumerGroup, isConsumer, type Member } from '../../groups/consumer/state.ts';
import { assignorOf } from '../../groups/consumer/target.ts';
import { each } from '../../kit/each.ts';
import { ConsumerGroupDescribe } from '../../wire/messages/69-consumer-group-describe.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';

const CLASSIC_MEMBER = 0;
const CONSUMER_MEMBER = 1;

/**
 * ConsumerGroupDescribe, versions 0 and 1, for groups of the consumer protocol. Others are not
 * found, as in Kafka.
 */
export const consumerGroupDescribe = defineApi(
  ConsumerGroupDescribe,
  async (broker: GroupBroker, request, _version, context) => {
    const { groupIds, includeAuthorizedOperations } = request;
    const decisions = await broker.authorize(context, [
      ...(includeAuthorizedOperations
        ? [...new Set(groupIds)].flatMap((groupId) => operationAccesses(groupResource(groupId)))
        : groupAccesses('DESCRIBE', groupIds)),
      // The answer names the topics of the groups' members.
      { operation: 'DESCRIBE', resource: ANY_TOPIC },
    ]);
    const describe = async (groupId: string) => {
      const resource = groupResource(groupId);
      if (!decisions.allows('DESCRIBE', resource)) return failed(groupId, 'GROUP_AUTHORIZATION_FAILED');
      if (groupId === '') return failed(groupId, 'INVALID_GROUP_ID');
      const found = await broker.groups.describe(groupId, context);
      // An invalid group id gets the answer of a missing group.
      if (found.kind === 'failed' && found.error !== 'INVALID_GROUP_ID') return failed(groupId, found.error);
      const group = found.kind === 'reply' ? found.reply : undefined;
      if (group === undefined) return failed(groupId, 'GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`);
      if (!isConsumer(group)) {
        return failed(groupId, 'GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group.`);
      }
      if (!topicsOf(group).every((name) => decisions.allows('DESCRIBE', topicResource(name)))) {
        return failed(groupId, 'TOPIC_AUTHORIZATION_FAILED', 'The group has topics that the client may not describe.');
      }
      return {
        errorCode: 0,
        groupId,
        groupState: stateOf(group),
        groupEpoch: group.groupEpoch,
        assignmentEpoch: group.assignmentEpoch,
        assignorName: assignorOf(group, broker.settings.groups.consumer.assignors),
        members: group.body.members.map((member) => describeMember(group, member)),
        authorizedOperations: includeAuthorizedOperations
          ? allowedOperations(decisions, resource)
          : OPERATIONS_NOT_ASKED,
      };
    };
    return { groups: await each(broker, groupIds, describe, (groupId) => groupId) };
  },
);

function failed(groupId: string, error: ErrorName, message?: string) {
  return {
    errorCode: errorCode(error),
    errorMessage: message ?? null,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  };
}

/** The topics whose partitions the answer would name. */
function topicsOf(group: ConsumerGroup): string[] {
  const names = new Set<string>();
  for (const { assigned, target } of group.body.members) {
    for (const { topicName } of [...withNames(group, assigned), ...withNames(group, target)]) names.add(topicName);
  }
  return [...names];
}

function describeMember(group: ConsumerGroup, member: Member) {
  return {
    memberId: member.memberId,
    instanceId: member.instanceId ?? null,
    rackId: member.rackId ?? null,
    memberEpoch: member.memberEpoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: [...member.topicNames],
    subscribedTopicRegex: member.topicPattern,
    assignment: { topicPartitions: withNames(group, member.assigned) },
    targetAssignment: { topicPartitions: withNames(group, member.target) },
    memberType: member.classic === undefined ? CONSUMER_MEMBER : CLASSIC_MEMBER,
  };
}

/** Deleted topics have no name and are omitted, as in Kafka. */
function withNames(group: ConsumerGroup, assignment: Assignment) {
  const { topicsById } = group.body;
  return assignment.flatMap(({ topicId, partitions }) => {
    const topicName = topicsById.get(topicId)?.name;
    return topicName === undefined ? [] : [{ topicId, topicName, partitions: [...partitions] }];
  });
}
