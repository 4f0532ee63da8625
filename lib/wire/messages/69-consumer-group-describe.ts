import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const topicPartitions = { topicId: uuid(), topicName: string(), partitions: array(int32()) };

const assignment = { topicPartitions: array(topicPartitions) };

/** Describes groups of the KIP-848 protocol. */
export const ConsumerGroupDescribeRequest = message('ConsumerGroupDescribeRequest', '0-1', '0+', {
  groupIds: array(string()),
  includeAuthorizedOperations: bool(),
});

export const ConsumerGroupDescribeResponse = message('ConsumerGroupDescribeResponse', '0-1', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  groups: array({
    errorCode: int16(),
    errorMessage: string({ clipped: true, nullable: true, default: null }),
    groupId: string(),
    groupState: string(),
    groupEpoch: int32(),
    assignmentEpoch: int32(),
    assignorName: string(),
    members: array({
      memberId: string(),
      instanceId: string({ nullable: true, default: null }),
      rackId: string({ nullable: true, default: null }),
      memberEpoch: int32(),
      clientId: string(),
      clientHost: string(),
      subscribedTopicNames: array(string()),
      subscribedTopicRegex: string({ nullable: true, default: null }),
      assignment: struct(assignment),
      targetAssignment: struct(assignment),
      memberType: int8('1+', { default: -1, ignorable: true }),
    }),
    authorizedOperations: int32({ default: -2147483648 }),
  }),
});

export const ConsumerGroupDescribe = api(
  'ConsumerGroupDescribe',
  ConsumerGroupDescribeRequest,
  ConsumerGroupDescribeResponse,
);
