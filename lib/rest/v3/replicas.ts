import * as v from 'valibot';
import { topicAccesses } from '../../auth/authorize.ts';
import { replicasOf } from '../../cluster/partition-nodes.ts';
import { isRefusal, ok } from '../answer.ts';
import { refusedWith } from '../errors.ts';
import { describedPartition, describedTopic, liveNodes } from '../find-topic.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema } from './resource.ts';

export const replicaData = resourceSchema('KafkaReplica', {
  cluster_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  broker_id: v.number(),
  is_leader: v.boolean(),
  is_in_sync: v.boolean(),
  broker: relationship,
});

const reassignmentData = resourceSchema('KafkaReassignment', {
  cluster_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  adding_replicas: v.array(v.number()),
  removing_replicas: v.array(v.number()),
  replicas: relationship,
});

/** A replica: the store keeps the copies, so that a partition has one, its leader. */
export function replica(cluster: ClusterLinks, topic: string, partition: number, nodeId: number) {
  const path = ['topics', topic, 'partitions', partition, 'replicas', nodeId] as const;
  const name = [
    ['topic', topic],
    ['partition', partition],
    ['replica', nodeId],
  ] as const;
  return {
    ...cluster.head('KafkaReplica', path, name),
    topic_name: topic,
    partition_id: partition,
    broker_id: nodeId,
    is_leader: true,
    is_in_sync: true,
    broker: cluster.related('brokers', nodeId),
  };
}

const listReplicas = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}/replicas',
  summary: 'List the replicas of a partition',
  tag: 'Replica (v3)',
  success: { status: 200, schema: listSchema('KafkaReplicaList', replicaData) },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, context, decisions }, cluster) {
    const found = await describedPartition(rest, decisions, parameters);
    if (isRefusal(found)) return found;
    const { topic, partition } = found;
    await liveNodes(rest, context);
    const { name } = topic.record;
    const replicas = replicasOf(rest.leadership, topic, partition, context);
    const self = cluster.url('topics', name, 'partitions', partition, 'replicas');
    return list(
      'KafkaReplicaList',
      self,
      replicas.map((node) => replica(cluster, name, partition, node)),
    );
  },
});

const getReplica = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}/replicas/{broker_id}',
  summary: 'Get a replica of a partition',
  tag: 'Replica (v3)',
  success: { status: 200, schema: replicaData },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, context, decisions }, cluster) {
    const found = await describedPartition(rest, decisions, parameters);
    if (isRefusal(found)) return found;
    const { topic, partition } = found;
    await liveNodes(rest, context);
    const node = replicasOf(rest.leadership, topic, partition, context).find(
      (id) => String(id) === parameters.broker_id,
    );
    if (node === undefined) return refusedWith(404);
    return ok(replica(cluster, topic.record.name, partition, node));
  },
});

const REASSIGNMENTS = { status: 200, schema: listSchema('KafkaReassignmentList', reassignmentData) };

/** Replicas never move: there is nothing to list. */
const listAllReassignments = defineClusterRoute({
  method: 'GET',
  path: '/topics/-/partitions/-/reassignment',
  summary: 'List all reassignments of replicas',
  tag: 'Partition (v3)',
  success: REASSIGNMENTS,
  accesses: () => [],
  async handle(_rest, _request, cluster) {
    return list('KafkaReassignmentList', cluster.url('topics', '-', 'partitions', '-', 'reassignment'), []);
  },
});

const listReassignments = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions/-/reassignment',
  summary: 'List the reassignments of a topic',
  tag: 'Partition (v3)',
  success: REASSIGNMENTS,
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions }, cluster) {
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    const self = cluster.url('topics', topic.record.name, 'partitions', '-', 'reassignment');
    return list('KafkaReassignmentList', self, []);
  },
});

const getReassignment = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}/reassignment',
  summary: 'Get the reassignment of a partition',
  tag: 'Partition (v3)',
  success: { status: 200, schema: reassignmentData },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions }) {
    const found = await describedPartition(rest, decisions, parameters);
    return isRefusal(found) ? found : refusedWith(404);
  },
});

export const replicaRoutes = [listReplicas, getReplica, listAllReassignments, listReassignments, getReassignment];
