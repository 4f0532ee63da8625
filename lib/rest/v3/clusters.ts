import * as v from 'valibot';
import { controllerOf } from '../../cluster/partition-nodes.ts';
import type { RequestContext } from '../../core/context.ts';
import { ok } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { liveNodes } from '../find-topic.ts';
import { defineRoute } from '../route.ts';
import { ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema, V3 } from './resource.ts';

const clusterData = resourceSchema('KafkaCluster', {
  cluster_id: v.string(),
  controller: relationship,
  acls: relationship,
  brokers: relationship,
  broker_configs: relationship,
  consumer_groups: relationship,
  topics: relationship,
  partition_reassignments: relationship,
});

/** GET /v3/clusters: the one cluster. Anyone may see it, as in Kafka. */
const listClusters = defineRoute({
  ...V3,
  method: 'GET',
  path: '/v3/clusters',
  summary: 'List clusters',
  tag: 'Cluster (v3)',
  success: { status: 200, schema: listSchema('KafkaClusterList', clusterData) },
  accesses: () => [],
  async handle(rest, { links, context }) {
    const data = [await describe(rest, new ClusterLinks(links, rest), context)];
    return list('KafkaClusterList', links.url('v3', 'clusters'), data);
  },
});

const getCluster = defineClusterRoute({
  method: 'GET',
  path: '',
  summary: 'Get a cluster',
  tag: 'Cluster (v3)',
  success: { status: 200, schema: clusterData },
  accesses: () => [],
  async handle(rest, { context }, cluster) {
    return ok(await describe(rest, cluster, context));
  },
});

async function describe(rest: RestEnvironment, cluster: ClusterLinks, context: RequestContext) {
  const nodes = await liveNodes(rest, context);
  return {
    ...cluster.head('KafkaCluster', [], []),
    controller: cluster.related('brokers', controllerOf(rest.leadership.nodeId, nodes)),
    acls: cluster.related('acls'),
    brokers: cluster.related('brokers'),
    broker_configs: cluster.related('broker-configs'),
    consumer_groups: cluster.related('consumer-groups'),
    topics: cluster.related('topics'),
    partition_reassignments: cluster.related('topics', '-', 'partitions', '-', 'reassignment'),
  };
}

export const clusterRoutes = [listClusters, getCluster];
