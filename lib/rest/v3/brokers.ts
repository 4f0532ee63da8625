import * as v from 'valibot';
import { CLUSTER } from '../../auth/authorize.ts';
import type { NodeEndpoint } from '../../cluster/leadership.ts';
import { isInternalTopic } from '../../topics/topic-name.ts';
import { journalOf } from '../../topics/topics.ts';
import { ok } from '../answer.ts';
import { kafkaFailure, refusedWith } from '../errors.ts';
import { liveNodes } from '../find-topic.ts';
import { replica, replicaData } from './replicas.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema } from './resource.ts';

const brokerData = resourceSchema('KafkaBroker', {
  cluster_id: v.string(),
  broker_id: v.number(),
  host: v.nullable(v.string()),
  port: v.nullable(v.number()),
  rack: v.nullable(v.string()),
  configs: relationship,
  partition_replicas: relationship,
});

/** GET brokers: the live nodes. Anyone may see them, as in Kafka. */
const listBrokers = defineClusterRoute({
  method: 'GET',
  path: '/brokers',
  summary: 'List brokers',
  tag: 'Broker (v3)',
  success: { status: 200, schema: listSchema('KafkaBrokerList', brokerData) },
  accesses: () => [],
  async handle(rest, { context }, cluster) {
    const nodes = await liveNodes(rest, context);
    return list(
      'KafkaBrokerList',
      cluster.url('brokers'),
      nodes.map((node) => broker(cluster, node)),
    );
  },
});

const getBroker = defineClusterRoute({
  method: 'GET',
  path: '/brokers/{broker_id}',
  summary: 'Get a broker',
  tag: 'Broker (v3)',
  success: { status: 200, schema: brokerData },
  accesses: () => [],
  async handle(rest, { parameters, context }, cluster) {
    const node = nodeCalled(await liveNodes(rest, context), parameters.broker_id);
    return node === undefined ? refusedWith(404) : ok(broker(cluster, node));
  },
});

/** GET partition-replicas: the partitions that the broker leads. The store keeps the copies. */
const listReplicas = defineClusterRoute({
  method: 'GET',
  path: '/brokers/{broker_id}/partition-replicas',
  summary: 'List the partitions of a broker',
  tag: 'Replica (v3)',
  success: { status: 200, schema: listSchema('KafkaReplicaList', replicaData) },
  accesses: () => [{ operation: 'DESCRIBE', resource: CLUSTER }],
  async handle(rest, { parameters, context, decisions }, cluster) {
    if (!decisions.allows('DESCRIBE', CLUSTER)) return kafkaFailure({ error: 'CLUSTER_AUTHORIZATION_FAILED' });
    const node = nodeCalled(await liveNodes(rest, context), parameters.broker_id);
    if (node === undefined) return refusedWith(404);
    const data: unknown[] = [];
    for (const topic of await rest.admin.topics.list()) {
      await rest.turns.turn();
      if (isInternalTopic(topic.record.name)) continue;
      for (let partition = 0; partition < topic.record.partitions; partition++) {
        if (rest.leadership.nodeOf(journalOf(topic, partition)) !== node.nodeId) continue;
        data.push(replica(cluster, topic.record.name, partition, node.nodeId));
      }
    }
    return list('KafkaReplicaList', cluster.url('brokers', node.nodeId, 'partition-replicas'), data);
  },
});

function broker(cluster: ClusterLinks, { nodeId, host, port, rack }: NodeEndpoint) {
  return {
    ...cluster.head('KafkaBroker', ['brokers', nodeId], [['broker', nodeId]]),
    broker_id: nodeId,
    host,
    port,
    rack,
    configs: cluster.related('brokers', nodeId, 'configs'),
    partition_replicas: cluster.related('brokers', nodeId, 'partition-replicas'),
  };
}

/** The node whose id a path names; undefined if there is none. */
export function nodeCalled(nodes: readonly NodeEndpoint[], id: string): NodeEndpoint | undefined {
  return nodes.find(({ nodeId }) => String(nodeId) === id);
}

export const brokerRoutes = [listBrokers, getBroker, listReplicas];
