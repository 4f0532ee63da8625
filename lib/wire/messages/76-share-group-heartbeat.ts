import { api } from '../api.ts';
import { array, int16, int32, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const topicPartitions = { topicId: uuid(), partitions: array(int32()) };

/** Joins, keeps alive and leaves a share group (KIP-932). */
export const ShareGroupHeartbeatRequest = message('ShareGroupHeartbeatRequest', '1', '1+', {
  groupId: string(),
  memberId: string(),
  memberEpoch: int32(),
  rackId: string({ nullable: true, default: null }),
  subscribedTopicNames: array(string(), { nullable: true, default: null }),
});

export const ShareGroupHeartbeatResponse = message('ShareGroupHeartbeatResponse', '1', '1+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  memberId: string({ nullable: true, default: null }),
  memberEpoch: int32(),
  heartbeatIntervalMs: int32(),
  assignment: struct({ topicPartitions: array(topicPartitions) }, { nullable: true, default: null }),
});

export const ShareGroupHeartbeat = api('ShareGroupHeartbeat', ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse);
