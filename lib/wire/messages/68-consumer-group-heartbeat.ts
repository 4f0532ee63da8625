import { api } from '../api.ts';
import { array, int16, int32, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const topicPartitions = { topicId: uuid(), partitions: array(int32()) };

/**
 * The only membership request of the KIP-848 group protocol: joins (epoch 0), keeps alive, leaves
 * (-1, or -2 for a static member). Null means 'unchanged'. From 1 on, the member chooses its own id
 * and may subscribe by a pattern.
 */
export const ConsumerGroupHeartbeatRequest = message('ConsumerGroupHeartbeatRequest', '0-1', '0+', {
  groupId: string(),
  memberId: string(),
  memberEpoch: int32(),
  instanceId: string({ nullable: true, default: null }),
  rackId: string({ nullable: true, default: null }),
  rebalanceTimeoutMs: int32({ default: -1 }),
  subscribedTopicNames: array(string(), { nullable: true, default: null }),
  subscribedTopicRegex: string('1+', { nullable: true, default: null }),
  serverAssignor: string({ nullable: true, default: null }),
  topicPartitions: array({ topicId: uuid(), partitions: array(int32()) }, { nullable: true, default: null }),
});

export const ConsumerGroupHeartbeatResponse = message('ConsumerGroupHeartbeatResponse', '0-1', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  memberId: string({ nullable: true, default: null }),
  memberEpoch: int32(),
  heartbeatIntervalMs: int32(),
  assignment: struct({ topicPartitions: array(topicPartitions) }, { nullable: true, default: null }),
});

export const ConsumerGroupHeartbeat = api(
  'ConsumerGroupHeartbeat',
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
);
