import { api } from '../api.ts';
import { array, int16, int32, string } from '../schema/field.ts';
import { message } from '../schema/message.ts';

/** Lists the partitions that are being moved to other brokers, of the named topics or of all. */
export const ListPartitionReassignmentsRequest = message('ListPartitionReassignmentsRequest', '0', '0+', {
  timeoutMs: int32({ default: 60000 }),
  topics: array({ name: string(), partitionIndexes: array(int32()) }, { nullable: true, default: null }),
});

export const ListPartitionReassignmentsResponse = message('ListPartitionReassignmentsResponse', '0', '0+', {
  throttleTimeMs: int32({ default: 0 }),
  errorCode: int16(),
  errorMessage: string({ clipped: true, nullable: true }),
  topics: array({
    name: string(),
    partitions: array({
      partitionIndex: int32(),
      replicas: array(int32()),
      addingReplicas: array(int32()),
      removingReplicas: array(int32()),
    }),
  }),
});

export const ListPartitionReassignments = api(
  'ListPartitionReassignments',
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
);
