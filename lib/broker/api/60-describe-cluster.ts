import { clusterOperationAccesses, clusterOperations } from '../../auth/allowed-operations.ts';
import { controllerOf } from '../../cluster/partition-nodes.ts';
import { errorCode } from '../../core/errors.ts';
import { DescribeCluster } from '../../wire/messages/60-describe-cluster.ts';
import { defineApi } from '../define-api.ts';

const BROKERS = 1;
const CONTROLLERS = 2;

/**
 * DescribeCluster, versions 0 to 2: the cluster id and the live nodes. There are no controllers to
 * describe.
 */
export const describeCluster = defineApi(DescribeCluster, async (broker, request, _version, context) => {
  const { endpointType } = request;
  if (endpointType !== BROKERS) {
    const error = endpointType === CONTROLLERS ? 'MISMATCHED_ENDPOINT_TYPE' : 'UNSUPPORTED_ENDPOINT_TYPE';
    const errorMessage = `this is a broker's endpoint, of type ${BROKERS}, not ${endpointType}`;
    return { errorCode: errorCode(error), errorMessage, clusterId: '', brokers: [] };
  }
  const withOperations = request.includeClusterAuthorizedOperations;
  const decisions = await broker.authorize(context, clusterOperationAccesses(withOperations));
  await broker.leadership.look();
  const nodes = broker.leadership.nodes(context);
  return {
    errorCode: 0,
    endpointType,
    clusterId: broker.clusterId,
    controllerId: controllerOf(broker.leadership.nodeId, nodes),
    brokers: nodes.map(({ nodeId, ...place }) => ({ brokerId: nodeId, ...place })),
    clusterAuthorizedOperations: clusterOperations(decisions, withOperations),
  };
});
