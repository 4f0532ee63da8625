import { CLUSTER } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { ListPartitionReassignments } from '../../wire/messages/46-list-partition-reassignments.ts';
import { defineApi } from '../define-api.ts';

/**
 * ListPartitionReassignments, version 0: no partition is ever being moved. As in Kafka, missing
 * topics and partitions are omitted without an error.
 */
export const listPartitionReassignments = defineApi(
  ListPartitionReassignments,
  async (broker, _request, _version, context) => {
    const decisions = await broker.authorize(context, [{ operation: 'DESCRIBE', resource: CLUSTER }]);
    if (decisions.allows('DESCRIBE', CLUSTER)) return { errorCode: 0, errorMessage: null, topics: [] };
    const errorMessage = 'Cluster authorization failed.';
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), errorMessage, topics: [] };
  },
);
