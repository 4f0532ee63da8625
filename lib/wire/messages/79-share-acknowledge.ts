import { api } from '../api.ts';
import { array, bool, int8, int16, int32, int64, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Acknowledges records that a share group's member acquired: 0 gap, 1 accept, 2 release, 3 reject,
 * from version 2 on 4 renew.
 */
export const ShareAcknowledgeRequest = message('ShareAcknowledgeRequest', '1-2', '1+', {
  groupId: string({ nullable: true, default: null }),
  memberId: string({ nullable: true }),
  shareSessionEpoch: int32(),
  isRenewAck: bool('2+', { default: false }),
  topics: array({
    topicId: uuid(),
    partitions: array({
      partitionIndex: int32(),
      acknowledgementBatches: array({ firstOffset: int64(), lastOffset: int64(), acknowledgeTypes: array(int8()) }),
    }),
  }),
});

export const ShareAcknowledgeResponse = message('ShareAcknowledgeResponse', '1-2', '1+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  acquisitionLockTimeoutMs: int32('2+', { ignorable: true }),
  responses: array({
    topicId: uuid(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true, default: null }),
      currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
    }),
  }),
  nodeEndpoints: array({
    nodeId: int32(),
    host: string(),
    port: int32(),
    rack: string({ nullable: true, default: null }),
  }),
});

export const ShareAcknowledge = api('ShareAcknowledge', ShareAcknowledgeRequest, ShareAcknowledgeResponse);
