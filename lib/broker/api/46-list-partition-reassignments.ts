import { CLUSTER } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import type { ApiKey } from '../../wire/apis.ts';
import type { Handler } from '../broker.ts';

/**
 * ListPartitionReassignments, version 0: no partition is ever being moved. As in Kafka, a topic or partition that is not
 * there is left out without an error.
 */
export const listPartitionReassignments: Handler<typeof ApiKey.ListPartitionReassignments> = async (
  broker,
  _request,
  _version,
  context,
) =>
  broker.authorize(context, 'DESCRIBE', CLUSTER)
    ? { errorCode: 0, errorMessage: null, topics: [] }
    : {
        errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'),
        errorMessage: 'Cluster authorization failed.',
        topics: [],
      };
