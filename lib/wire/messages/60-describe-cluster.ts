import { api } from '../api.ts';
import { array, bool, int8, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Asks for the cluster's id and nodes: brokers (endpoint type 1) or, from 1 on, controllers (2). 2
 * can include fenced brokers.
 */
export const DescribeClusterRequest = message('DescribeClusterRequest', '0-2', '0+', {
  includeClusterAuthorizedOperations: bool(),
  endpointType: int8('1+', { default: 1 }),
  includeFencedBrokers: bool('2+'),
});

export const DescribeClusterResponse = message('DescribeClusterResponse', '0-2', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true, default: null }),
  endpointType: int8('1+', { default: 1 }),
  clusterId: string(),
  controllerId: int32({ default: -1 }),
  brokers: array({
    brokerId: int32(),
    host: string(),
    port: int32(),
    rack: string({ nullable: true, default: null }),
    isFenced: bool('2+'),
  }),
  clusterAuthorizedOperations: int32({ default: -2147483648 }),
});

export const DescribeCluster = api('DescribeCluster', DescribeClusterRequest, DescribeClusterResponse);
