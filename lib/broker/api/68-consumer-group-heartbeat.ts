import { ANY_TOPIC, groupAccesses, groupResource, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { errorCode, type Failure } from '../../core/errors.ts';
import type { HeartbeatReply, HeartbeatRequest } from '../../groups/consumer/heartbeat.ts';
import { heartbeatProblem } from '../../groups/consumer/heartbeat-problem.ts';
import { consumerHeartbeatStep } from '../../groups/steps.ts';
import { ConsumerGroupHeartbeat } from '../../wire/messages/68-consumer-group-heartbeat.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { adviseGroup, forgoQuiet } from '../group-advice.ts';

/**
 * ConsumerGroupHeartbeat, versions 0 and 1: members of consumer groups (KIP-848) use it to join, to
 * stay, to report revoked partitions, and to leave.
 */
export const consumerGroupHeartbeat = defineApi(
  ConsumerGroupHeartbeat,
  async (broker: GroupBroker, request, version, context) => {
    const { groupId, subscribedTopicNames } = request;
    const decisions = await broker.authorize(context, [
      ...groupAccesses('READ', [groupId]),
      ...topicAccesses('DESCRIBE', subscribedTopicNames ?? []),
      // A pattern, of this member or another, may be resolved during the request and may match any
      // topic.
      { operation: 'DESCRIBE', resource: ANY_TOPIC },
    ]);
    if (!decisions.allows('READ', groupResource(groupId))) {
      return refused({ error: 'GROUP_AUTHORIZATION_FAILED' });
    }
    const mayDescribe = (topic: string) => decisions.allows('DESCRIBE', topicResource(topic));
    if (subscribedTopicNames?.every(mayDescribe) === false) return refused({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    const heartbeat: HeartbeatRequest = {
      memberId: request.memberId,
      memberEpoch: request.memberEpoch,
      instanceId: request.instanceId,
      rackId: request.rackId,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      subscribedTopicNames,
      subscribedTopicRegex: request.subscribedTopicRegex,
      serverAssignor: request.serverAssignor,
      topicPartitions: request.topicPartitions,
      clientId: context.clientId,
      clientHost: `/${context.host}`,
    };
    const problem = heartbeatProblem(groupId, heartbeat, version, broker.settings.groups.consumer.assignors);
    if (problem !== undefined) return refused(problem);
    const submitted = await broker.groups.submit(groupId, consumerHeartbeatStep(heartbeat, mayDescribe), context);
    if (submitted.kind !== 'reply') return refused(submitted);
    const { reply } = submitted;
    const isQuiet = reply.kind === 'ok' && reply.memberEpoch === request.memberEpoch && reply.assignment === null;
    adviseGroup(context, groupId, !isQuiet || request.topicPartitions !== null || subscribedTopicNames !== null);
    // A member that waits for partitions of others is told to ask more often.
    const isWaiting = isQuiet && reply.heartbeatIntervalMs < broker.settings.groups.consumer.heartbeatIntervalMs;
    if (!isQuiet || isWaiting) forgoQuiet(context);
    return answer(reply);
  },
);

function answer(reply: HeartbeatReply) {
  if (reply.kind === 'refused') return refused(reply);
  const { memberId, memberEpoch, heartbeatIntervalMs, assignment } = reply;
  return {
    errorCode: 0,
    memberId,
    memberEpoch,
    heartbeatIntervalMs,
    assignment:
      assignment === null
        ? null
        : { topicPartitions: assignment.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })) },
  };
}

function refused({ error, message }: Failure) {
  return { errorCode: errorCode(error), errorMessage: message ?? null, memberEpoch: 0, heartbeatIntervalMs: 0 };
}
