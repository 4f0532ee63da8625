import { api } from '../api.ts';
import { array, bool, int16, int32, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const topicPartitions = { topicId: uuid(), topicName: string(), partitions: array(int32()) };

const assignment = { topicPartitions: array(topicPartitions) };

/** Describes share groups. */
export const ShareGroupDescribeRequest = message('ShareGroupDescribeRequest', '1', '1+', {
  groupIds: array(string()),
  includeAuthorizedOperations: bool(),
});

export const ShareGroupDescribeResponse = message('ShareGroupDescribeResponse', '1', '1+', {
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
      rackId: string({ nullable: true, default: null }),
      memberEpoch: int32(),
      clientId: string(),
      clientHost: string(),
      subscribedTopicNames: array(string()),
      assignment: struct(assignment),
    }),
    authorizedOperations: int32({ default: -2147483648 }),
  }),
});

export const ShareGroupDescribe = api('ShareGroupDescribe', ShareGroupDescribeRequest, ShareGroupDescribeResponse);
