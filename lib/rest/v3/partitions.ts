import * as v from 'valibot';
import { topicAccesses } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { journalOf, type Topic } from '../../topics/topics.ts';
import { isRefusal, ok } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { badRequest, PARTITION_NOT_FOUND } from '../errors.ts';
import { describedPartition, describedTopic, liveNodes } from '../find-topic.ts';
import { partitionBounds } from '../offset-bounds.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema } from './resource.ts';

const partitionData = resourceSchema('KafkaPartition', {
  cluster_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  leader: v.optional(relationship),
  replicas: relationship,
  reassignment: relationship,
});

const partitionWithOffsets = resourceSchema('KafkaPartitionWithOffsets', {
  cluster_id: v.string(),
  topic_name: v.string(),
  partition_id: v.number(),
  earliest_offset: v.number(),
  latest_offset: v.number(),
});

const listPartitions = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions',
  summary: 'List the partitions of a topic',
  tag: 'Partition (v3)',
  success: { status: 200, schema: listSchema('KafkaPartitionList', partitionData) },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    await liveNodes(rest, context);
    const data = Array.from({ length: topic.record.partitions }, (_, partition) =>
      describe(rest, cluster, context, topic, partition),
    );
    return list('KafkaPartitionList', cluster.url('topics', topic.record.name, 'partitions'), data);
  },
});

const getPartition = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}',
  summary: 'Get a partition',
  tag: 'Partition (v3)',
  success: { status: 200, schema: partitionData },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions, context }, cluster) {
    const found = await describedPartition(rest, decisions, parameters);
    if (isRefusal(found)) return found;
    await liveNodes(rest, context);
    return ok(describe(rest, cluster, context, found.topic, found.partition));
  },
});

const OFFSET_TYPE = 'earliest_and_latest';

const getOffsets = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}/offset',
  summary: 'Get the first and the next offset of a partition',
  tag: 'Partition (v3)',
  query: v.object({ offset_type: v.optional(v.string(), OFFSET_TYPE) }),
  success: { status: 200, schema: partitionWithOffsets },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, query, decisions, context }, cluster) {
    if (query.offset_type !== OFFSET_TYPE) return badRequest(`offset_type:${query.offset_type} is invalid`);
    const found = await describedPartition(rest, decisions, parameters, PARTITION_NOT_FOUND);
    if (isRefusal(found)) return found;
    const { partition } = found;
    const { name } = found.topic.record;
    const bounds = await partitionBounds(rest, context, name, partition);
    if (isRefusal(bounds)) return bounds;
    const crnParts = [
      ['topic', name],
      ['partition', partition],
      ['offset_type', OFFSET_TYPE],
    ] as const;
    return ok({
      ...cluster.head('KafkaPartitionWithOffsets', ['topics', name, 'partitions', partition, 'offset'], crnParts),
      topic_name: name,
      partition_id: partition,
      earliest_offset: bounds.earliest,
      latest_offset: bounds.latest,
    });
  },
});

function describe(
  { leadership }: RestEnvironment,
  cluster: ClusterLinks,
  context: RequestContext,
  topic: Topic,
  partition: number,
) {
  const { name } = topic.record;
  const path = ['topics', name, 'partitions', partition] as const;
  const leader = leadership.nodeOf(journalOf(topic, partition));
  const isReachable = leadership.nodes(context).some(({ nodeId }) => nodeId === leader);
  const crnParts = [
    ['topic', name],
    ['partition', partition],
  ] as const;
  return {
    ...cluster.head('KafkaPartition', path, crnParts),
    topic_name: name,
    partition_id: partition,
    ...(leader !== undefined && isReachable ? { leader: cluster.related(...path, 'replicas', leader) } : {}),
    replicas: cluster.related(...path, 'replicas'),
    reassignment: cluster.related(...path, 'reassignment'),
  };
}

export const partitionRoutes = [listPartitions, getPartition, getOffsets];
