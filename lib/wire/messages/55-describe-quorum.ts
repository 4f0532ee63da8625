import { api } from '../api.ts';
import { array, int16, int32, int64, string, uint16, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

const replicaState = {
  replicaId: int32(),
  replicaDirectoryId: uuid('2+'),
  logEndOffset: int64(),
  lastFetchTimestamp: int64('1+', { default: -1, ignorable: true }),
  lastCaughtUpTimestamp: int64('1+', { default: -1, ignorable: true }),
};

/** Describes the quorum that keeps the cluster's metadata, for `kafka-metadata-quorum`. */
export const DescribeQuorumRequest = message('DescribeQuorumRequest', '0-2', '0+', {
  topics: array({ topicName: string(), partitions: array({ partitionIndex: int32() }) }),
});

export const DescribeQuorumResponse = message('DescribeQuorumResponse', '0-2', '0+', {
  errorCode: int16(),
  errorMessage: string('2+', { clipped: true, nullable: true, ignorable: true }),
  topics: array({
    topicName: string(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      errorMessage: string('2+', { clipped: true, nullable: true, ignorable: true }),
      leaderId: int32(),
      leaderEpoch: int32(),
      highWatermark: int64(),
      currentVoters: array(replicaState),
      observers: array(replicaState),
    }),
  }),
  nodes: array({ nodeId: int32(), listeners: array({ name: string(), host: string(), port: uint16() }) }, '2+'),
});

export const DescribeQuorum = api('DescribeQuorum', DescribeQuorumRequest, DescribeQuorumResponse);
