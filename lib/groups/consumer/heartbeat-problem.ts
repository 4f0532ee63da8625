import type { ErrorName, Failure } from '../../core/errors.ts';
import type { HeartbeatRequest } from './heartbeat.ts';
import { LEAVE_EPOCH, LEFT_FOR_NOW } from './state.ts';

/** From this version on members choose their own ids (KIP-1082). */
const FIRST_WITH_OWN_MEMBER_ID = 1;

/**
 * Checks of a heartbeat that do not depend on the group; undefined if it is valid. Source: Kafka's
 * GroupCoordinatorService.throwIfConsumerGroupHeartbeatRequestIsInvalid, in its order.
 */
export function heartbeatProblem(
  groupId: string,
  request: HeartbeatRequest,
  version: number,
  assignors: readonly string[],
): Failure | undefined {
  const { memberId, memberEpoch, instanceId, rackId, serverAssignor } = request;
  const needsMemberId = version >= FIRST_WITH_OWN_MEMBER_ID || memberEpoch > 0 || memberEpoch === LEAVE_EPOCH;
  if (needsMemberId && memberId === '') return invalid('MemberId can not be empty');
  if (groupId === '') return invalid('GroupId can not be empty');
  if (instanceId === '') return invalid('InstanceId can not be empty');
  if (rackId === '') return invalid('RackId can not be empty');
  if (memberEpoch === 0) {
    const problem = joinProblem(request);
    if (problem !== undefined) return problem;
  }
  if (memberEpoch === LEFT_FOR_NOW && instanceId === null) return invalid('InstanceId can not be null');
  if (memberEpoch < LEFT_FOR_NOW) return invalid(`MemberEpoch ${memberEpoch} is invalid`);
  if (serverAssignor !== null && !assignors.includes(serverAssignor)) {
    const message = `ServerAssignor ${serverAssignor} is none of ${assignors.join(', ')}`;
    return { error: 'UNSUPPORTED_ASSIGNOR', message };
  }
  return undefined;
}

function joinProblem(request: HeartbeatRequest): Failure | undefined {
  if (request.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs is needed to join');
  if (request.topicPartitions === null || request.topicPartitions.length > 0) {
    return invalid('TopicPartitions have to be empty to join');
  }
  // Both may be empty: a member need not subscribe to any topic.
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
    return invalid('SubscribedTopicNames or SubscribedTopicRegex is needed to join');
  }
  return undefined;
}

function invalid(message: string): { readonly error: ErrorName; readonly message: string } {
  return { error: 'INVALID_REQUEST', message };
}
