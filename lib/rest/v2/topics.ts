import * as v from 'valibot';
import { ANY_TOPIC, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { replicasOf } from '../../cluster/partition-nodes.ts';
import type { RequestContext } from '../../core/context.ts';
import { describeTopicConfigs, describeTopicDefaults } from '../../topics/configs/describe-topic-configs.ts';
import type { Topic } from '../../topics/topics.ts';
import { isRefusal, ok } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { PARTITION_NOT_FOUND } from '../errors.ts';
import { describedPartition, describedTopic, liveNodes } from '../find-topic.ts';
import { V2_TYPE } from '../media-type.ts';
import { partitionBounds } from '../offset-bounds.ts';
import { defineRoute } from '../route.ts';

const V2 = { consumes: [], produces: [V2_TYPE] } as const;
const TAG = 'Topic (v2)';

const partitionData = v.object({
  partition: v.number(),
  leader: v.number(),
  replicas: v.array(v.object({ broker: v.number(), leader: v.boolean(), in_sync: v.boolean() })),
});

const listBrokers = defineRoute({
  ...V2,
  method: 'GET',
  path: '/brokers',
  summary: 'List brokers',
  tag: 'Broker (v2)',
  success: { status: 200, schema: v.object({ brokers: v.array(v.number()) }) },
  accesses: () => [],
  async handle(rest, { context }) {
    return ok({ brokers: (await liveNodes(rest, context)).map(({ nodeId }) => nodeId) });
  },
});

const listTopics = defineRoute({
  ...V2,
  method: 'GET',
  path: '/topics',
  summary: 'List topics',
  tag: TAG,
  success: { status: 200, schema: v.array(v.string()) },
  accesses: () => [{ operation: 'DESCRIBE', resource: ANY_TOPIC }],
  async handle(rest, { decisions }) {
    const names = (await rest.admin.topics.list()).map(({ record }) => record.name);
    return ok(names.filter((name) => decisions.allows('DESCRIBE', topicResource(name))));
  },
});

const getTopic = defineRoute({
  ...V2,
  method: 'GET',
  path: '/topics/{topic_name}',
  summary: 'Get a topic',
  tag: TAG,
  success: {
    status: 200,
    schema: v.object({
      name: v.string(),
      configs: v.record(v.string(), v.nullable(v.string())),
      partitions: v.array(partitionData),
    }),
  },
  accesses: ({ parameters }) => [
    ...topicAccesses('DESCRIBE', [parameters.topic_name]),
    ...topicAccesses('DESCRIBE_CONFIGS', [parameters.topic_name]),
  ],
  async handle(rest, { parameters, decisions, context }) {
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    const { name } = topic.record;
    const maySeeConfigs = decisions.allows('DESCRIBE_CONFIGS', topicResource(name));
    const configs = maySeeConfigs
      ? describeTopicConfigs(topic.record, describeTopicDefaults(rest.admin.brokerConfigs))
      : [];
    await liveNodes(rest, context);
    return ok({
      name,
      configs: Object.fromEntries(configs.map((config) => [config.name, config.value])),
      partitions: partitionsOf(rest, topic, context),
    });
  },
});

const listPartitions = defineRoute({
  ...V2,
  method: 'GET',
  path: '/topics/{topic_name}/partitions',
  summary: 'List the partitions of a topic',
  tag: TAG,
  success: { status: 200, schema: v.array(partitionData) },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions, context }) {
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    await liveNodes(rest, context);
    return ok(partitionsOf(rest, topic, context));
  },
});

const getPartition = defineRoute({
  ...V2,
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}',
  summary: 'Get a partition',
  tag: TAG,
  success: { status: 200, schema: partitionData },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions, context }) {
    const found = await describedPartition(rest, decisions, parameters, PARTITION_NOT_FOUND);
    if (isRefusal(found)) return found;
    await liveNodes(rest, context);
    return ok(describe(rest, found.topic, found.partition, context));
  },
});

const getOffsets = defineRoute({
  ...V2,
  method: 'GET',
  path: '/topics/{topic_name}/partitions/{partition_id}/offsets',
  summary: 'Get the first and the next offset of a partition',
  tag: TAG,
  success: { status: 200, schema: v.object({ beginning_offset: v.number(), end_offset: v.number() }) },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE', [parameters.topic_name]),
  async handle(rest, { parameters, decisions, context }) {
    const found = await describedPartition(rest, decisions, parameters, PARTITION_NOT_FOUND);
    if (isRefusal(found)) return found;
    const bounds = await partitionBounds(rest, context, found.topic.record.name, found.partition);
    return isRefusal(bounds) ? bounds : ok({ beginning_offset: bounds.earliest, end_offset: bounds.latest });
  },
});

function partitionsOf(rest: RestEnvironment, topic: Topic, context: RequestContext) {
  return Array.from({ length: topic.record.partitions }, (_, partition) => describe(rest, topic, partition, context));
}

function describe({ leadership }: RestEnvironment, topic: Topic, partition: number, context: RequestContext) {
  const replicas = replicasOf(leadership, topic, partition, context);
  return {
    partition,
    leader: replicas[0] ?? -1,
    replicas: replicas.map((broker) => ({ broker, leader: true, in_sync: true })),
  };
}

export const v2TopicRoutes = [listBrokers, listTopics, getTopic, listPartitions, getPartition, getOffsets];
