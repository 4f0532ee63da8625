import { api } from '../api.ts';
import { array, bool, int8, int16, int32, int64, records, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Acquires records for a member of a share group and acknowledges earlier ones. 2 can renew
 * acquisition locks, and requests batches or single records.
 */
export const ShareFetchRequest = message('ShareFetchRequest', '1-2', '1+', {
  groupId: string({ nullable: true, default: null }),
  memberId: string({ nullable: true }),
  shareSessionEpoch: int32(),
  maxWaitMs: int32(),
  minBytes: int32(),
  maxBytes: int32({ default: 0x7fffffff }),
  maxRecords: int32(),
  batchSize: int32(),
  shareAcquireMode: int8('2+', { default: 0, ignorable: true }),
  isRenewAck: bool('2+', { default: false }),
  topics: array({
    topicId: uuid(),
    partitions: array({
      partitionIndex: int32(),
      acknowledgementBatches: array({ firstOffset: int64(), lastOffset: int64(), acknowledgeTypes: array(int8()) }),
    }),
  }),
  forgottenTopicsData: array({ topicId: uuid(), partitions: array(int32()) }),
});

export const ShareFetchResponse = message('ShareFetchResponse', '1-2', '1+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  acquisitionLockTimeoutMs: int32(),
  responses: array({
    topicId: uuid(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true, default: null }),
      acknowledgeErrorCode: int16(),
      acknowledgeErrorMessage: string({ clipped: true, nullable: true, default: null }),
      currentLeader: struct({ leaderId: int32(), leaderEpoch: int32() }),
      records: records(),
      acquiredRecords: array({ firstOffset: int64(), lastOffset: int64(), deliveryCount: int16() }),
    }),
  }),
  nodeEndpoints: array({
    nodeId: int32(),
    host: string(),
    port: int32(),
    rack: string({ nullable: true, default: null }),
  }),
});

export const ShareFetch = api('ShareFetch', ShareFetchRequest, ShareFetchResponse);
