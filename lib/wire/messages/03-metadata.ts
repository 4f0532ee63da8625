import { api } from '../api.ts';
import { array, bool, int16, int32, string, uuid } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Asks for brokers, topics and partition leaders. Null topics mean all (in version 0 an empty list
 * does). From 10 on, topics have an id field, which works from 12 on.
 */
export const MetadataRequest = message('MetadataRequest', '0-13', '9+', {
  topics: array({ topicId: uuid('10+', { ignorable: true }), name: string({ nullable: '10+' }) }, { nullable: '1+' }),
  allowAutoTopicCreation: bool('4+', { default: true }),
  includeClusterAuthorizedOperations: bool('8-10'),
  includeTopicAuthorizedOperations: bool('8+'),
});

/**
 * `authorizedOperations` are a bit field, or -2147483648 unless requested. The cluster's moved to
 * DescribeCluster in 11.
 */
export const MetadataResponse = message('MetadataResponse', '0-13', '9+', {
  throttleTimeMs: int32('3+', { default: 0, ignorable: true }),
  brokers: array({
    nodeId: int32(),
    host: string(),
    port: int32(),
    rack: string('1+', { nullable: true, default: null, ignorable: true }),
  }),
  clusterId: string('2+', { nullable: true, default: null, ignorable: true }),
  controllerId: int32('1+', { default: -1, ignorable: true }),
  topics: array({
    errorCode: int16(),
    name: string({ nullable: '12+' }),
    topicId: uuid('10+', { ignorable: true }),
    isInternal: bool('1+', { default: false, ignorable: true }),
    partitions: array({
      errorCode: int16(),
      partitionIndex: int32(),
      leaderId: int32(),
      leaderEpoch: int32('7+', { default: -1, ignorable: true }),
      replicaNodes: array(int32()),
      isrNodes: array(int32()),
      offlineReplicas: array(int32(), '5+', { ignorable: true }),
    }),
    topicAuthorizedOperations: int32('8+', { default: -2147483648 }),
  }),
  clusterAuthorizedOperations: int32('8-10', { default: -2147483648 }),
  errorCode: int16('13+', { ignorable: true }),
});

export const Metadata = api('Metadata', MetadataRequest, MetadataResponse);
