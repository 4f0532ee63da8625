import { api } from '../api.ts';
import { array, int8, int16, int32, int64, records, string, struct, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const forgottenTopic = {
  topic: string('7-12', { ignorable: true }),
  topicId: uuid('13+', { ignorable: true }),
  partitions: array(int32()),
};

const leaderIdAndEpoch = { leaderId: int32({ default: -1 }), leaderEpoch: int32({ default: -1 }) };

const nodeEndpoint = {
  nodeId: int32(),
  host: string(),
  port: int32(),
  rack: string({ nullable: true, default: null }),
};

/**
 * Reads record batches, waiting for `minBytes` up to `maxWaitMs`. 7 added sessions (KIP-227), 9
 * leader epochs (KIP-320), 13 topic ids. Only replicas use `replicaId`, `replicaState` and the
 * like.
 */
export const FetchRequest = message('FetchRequest', '4-18', '12+', {
  clusterId: string('12+', { nullable: true, default: null, ignorable: true, tag: 0 }),
  replicaId: int32('4-14', { default: -1 }),
  replicaState: struct({ replicaId: int32({ default: -1 }), replicaEpoch: int64({ default: -1 }) }, '15+', { tag: 1 }),
  maxWaitMs: int32(),
  minBytes: int32(),
  maxBytes: int32({ default: 0x7fffffff, ignorable: true }),
  isolationLevel: int8({ default: 0, ignorable: true }),
  sessionId: int32('7+', { default: 0, ignorable: true }),
  sessionEpoch: int32('7+', { default: -1, ignorable: true }),
  topics: array({
    topic: string('4-12', { ignorable: true }),
    topicId: uuid('13+', { ignorable: true }),
    partitions: array({
      partition: int32(),
      currentLeaderEpoch: int32('9+', { default: -1, ignorable: true }),
      fetchOffset: int64(),
      lastFetchedEpoch: int32('12+', { default: -1 }),
      logStartOffset: int64('5+', { default: -1, ignorable: true }),
      partitionMaxBytes: int32(),
      replicaDirectoryId: uuid('17+', { ignorable: true, tag: 0 }),
      highWatermark: int64('18+', { default: Number.MAX_SAFE_INTEGER, ignorable: true, tag: 1 }),
    }),
  }),
  forgottenTopicsData: array(forgottenTopic, '7+'),
  rackId: string('11+', { default: '', ignorable: true }),
});

/**
 * With `abortedTransactions` a read_committed consumer skips aborted records; null for
 * read_uncommitted.
 */
export const FetchResponse = message('FetchResponse', '4-18', '12+', {
  throttleTimeMs: int32({ default: 0, ignorable: true }),
  errorCode: int16('7+', { ignorable: true }),
  sessionId: int32('7+', { default: 0 }),
  responses: array({
    topic: string('4-12', { ignorable: true }),
    topicId: uuid('13+', { ignorable: true }),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      highWatermark: int64(),
      lastStableOffset: int64({ default: -1, ignorable: true }),
      logStartOffset: int64('5+', { default: -1, ignorable: true }),
      divergingEpoch: struct({ epoch: int32({ default: -1 }), endOffset: int64({ default: -1 }) }, '12+', { tag: 0 }),
      currentLeader: struct(leaderIdAndEpoch, '12+', { tag: 1 }),
      snapshotId: struct({ endOffset: int64({ default: -1 }), epoch: int32({ default: -1 }) }, '12+', { tag: 2 }),
      abortedTransactions: array({ producerId: int64(), firstOffset: int64() }, { nullable: true, ignorable: true }),
      preferredReadReplica: int32('11+', { default: -1 }),
      records: records({ nullable: true }),
    }),
  }),
  nodeEndpoints: array(nodeEndpoint, '16+', { tag: 0 }),
});

export const Fetch = api('Fetch', FetchRequest, FetchResponse);
