import { api } from '../api.ts';
import { array, bool, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/**
 * Moves partitions to other brokers; null replicas cancel a move. With version 1 the replication
 * factor may have to stay the same.
 */
export const AlterPartitionReassignmentsRequest = message('AlterPartitionReassignmentsRequest', '0-1', '0+', {
  timeoutMs: int32({ default: 60000 }),
  allowReplicationFactorChange: bool('1+', { default: true }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      replicas: array(int32(), { nullable: true, default: null }),
    }),
  }),
});

export const AlterPartitionReassignmentsResponse = message('AlterPartitionReassignmentsResponse', '0-1', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  allowReplicationFactorChange: bool('1+', { default: true, ignorable: true }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  responses: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      errorCode: int16(),
      errorMessage: string({ clipped: true, nullable: true }),
    }),
  }),
});

export const AlterPartitionReassignments = api(
  'AlterPartitionReassignments',
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
);
