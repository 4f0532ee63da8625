import * as v from 'valibot';
import { allowedOperationNames, operationAccesses } from '../../auth/allowed-operations.ts';
import { ANY_TOPIC, CLUSTER, type Decisions, topicAccesses, topicResource } from '../../auth/authorize.ts';
import type { TopicRecord } from '../../storage/items/topic.ts';
import { createPartitions } from '../../topics/create-partitions.ts';
import { createTopic } from '../../topics/create-topic.ts';
import { deleteTopic } from '../../topics/delete-topic.ts';
import { isInternalTopic, isReservedTopic, topicNameProblem } from '../../topics/topic-name.ts';
import { type Answer, isRefusal, NO_CONTENT, ok } from '../answer.ts';
import { invalidPayload, kafkaFailure } from '../errors.ts';
import { describedTopic } from '../find-topic.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, relationship, resourceSchema } from './resource.ts';

const topicData = resourceSchema('KafkaTopic', {
  cluster_id: v.string(),
  topic_name: v.string(),
  is_internal: v.boolean(),
  replication_factor: v.number(),
  partitions_count: v.number(),
  partitions: relationship,
  configs: relationship,
  partition_reassignments: relationship,
  authorized_operations: v.optional(v.array(v.string())),
});

/** The least time that a deletion waits for the store; ms. */
const DELETION_TIMEOUT_MS = 30_000;

const INT32_MAX = 2 ** 31 - 1;
const int = (max: number) => v.pipe(v.number(), v.integer(), v.maxValue(max));

const withOperations = v.object({ include_authorized_operations: v.optional(v.picklist(['true', 'false'])) });

const listTopics = defineClusterRoute({
  method: 'GET',
  path: '/topics',
  summary: 'List topics',
  tag: 'Topic (v3)',
  query: withOperations,
  success: { status: 200, schema: listSchema('KafkaTopicList', topicData) },
  accesses: () => [{ operation: 'DESCRIBE', resource: ANY_TOPIC }],
  async handle(rest, { decisions }, cluster) {
    const topics = await rest.admin.topics.list();
    const visible = topics.filter(({ record }) => decisions.allows('DESCRIBE', topicResource(record.name)));
    return list(
      'KafkaTopicList',
      cluster.url('topics'),
      visible.map(({ record }) => describe(cluster, record)),
    );
  },
});

const getTopic = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}',
  summary: 'Get a topic',
  tag: 'Topic (v3)',
  query: withOperations,
  success: { status: 200, schema: topicData },
  accesses: ({ parameters }) => operationAccesses(topicResource(parameters.topic_name)),
  async handle(rest, { parameters, decisions, query }, cluster) {
    const topic = await describedTopic(rest, decisions, parameters.topic_name);
    if (isRefusal(topic)) return topic;
    const data = describe(cluster, topic.record);
    return ok(
      query.include_authorized_operations === 'true'
        ? { ...data, authorized_operations: allowedOperationNames(decisions, topicResource(topic.record.name)) }
        : data,
    );
  },
});

const createTopicBody = v.object({
  topic_name: v.string(),
  partitions_count: v.nullish(int(INT32_MAX)),
  replication_factor: v.nullish(int(32_767)),
  replicas_assignments: v.nullish(v.record(v.pipe(v.string(), v.regex(/^\d{1,9}$/)), v.array(int(INT32_MAX)))),
  configs: v.nullish(v.array(v.object({ name: v.string(), value: v.nullish(v.string()) }))),
  validate_only: v.nullish(v.boolean()),
});

/** POST topics: 201, or 200 for a topic that was only validated. */
const postTopic = defineClusterRoute({
  method: 'POST',
  path: '/topics',
  summary: 'Create a topic',
  tag: 'Topic (v3)',
  body: { kind: 'json', schema: createTopicBody },
  success: { status: 201, schema: topicData },
  accesses: ({ body }) => [{ operation: 'CREATE', resource: CLUSTER }, ...topicAccesses('CREATE', [body.topic_name])],
  async handle(rest, { body, decisions }, cluster): Promise<Answer> {
    const { topic_name: name, replicas_assignments: replicas } = body;
    if (topicNameProblem(name) !== undefined) return invalidPayload('Invalid topic name.');
    if (!decisions.allows('CREATE', CLUSTER) && !decisions.allows('CREATE', topicResource(name))) {
      return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    }
    const validateOnly = body.validate_only === true;
    const assignments = Object.entries(replicas ?? {}).map(([partition, brokers]) => ({
      partition: Number(partition),
      brokers,
    }));
    const isAssigned = assignments.length > 0;
    const outcome = await createTopic(
      rest.admin,
      {
        name,
        // Kafka refuses a number beside the assignments.
        partitions: isAssigned ? -1 : (body.partitions_count ?? -1),
        replicationFactor: isAssigned ? -1 : (body.replication_factor ?? -1),
        assignments,
        configs: (body.configs ?? []).map((one) => ({ name: one.name, value: one.value ?? null })),
      },
      validateOnly,
    );
    if (outcome.kind === 'rejected') return kafkaFailure(outcome);
    const record = outcome.kind === 'created' ? outcome.topic.record : { name, ...outcome };
    const described = describe(cluster, record);
    return {
      kind: 'answer',
      status: validateOnly ? 200 : 201,
      body: described,
      headers: { Location: described.metadata.self },
    };
  },
});

/** PATCH topics/NAME: more partitions. */
const patchTopic = defineClusterRoute({
  method: 'PATCH',
  path: '/topics/{topic_name}',
  summary: 'Give a topic more partitions',
  tag: 'Topic (v3)',
  body: { kind: 'json', schema: v.object({ partitions_count: int(INT32_MAX) }) },
  success: { status: 200, schema: topicData },
  accesses: ({ parameters }) => [
    ...topicAccesses('ALTER', [parameters.topic_name]),
    ...topicAccesses('DESCRIBE', [parameters.topic_name]),
  ],
  async handle(rest, { parameters, body, decisions }, cluster) {
    const name = parameters.topic_name;
    if (!decisions.allows('ALTER', topicResource(name))) return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    const failure = await createPartitions(
      rest.admin,
      { name, count: body.partitions_count, assignments: null },
      false,
    );
    if (failure !== undefined) return kafkaFailure(failure);
    const topic = await describedTopic(rest, decisions, name);
    return isRefusal(topic) ? topic : ok(describe(cluster, topic.record));
  },
});

const removeTopic = defineClusterRoute({
  method: 'DELETE',
  path: '/topics/{topic_name}',
  summary: 'Delete a topic',
  tag: 'Topic (v3)',
  success: { status: 204 },
  accesses: ({ parameters }) => [
    { operation: 'DELETE', resource: CLUSTER },
    ...topicAccesses('DESCRIBE', [parameters.topic_name]),
    ...topicAccesses('DELETE', [parameters.topic_name]),
  ],
  async handle(rest, { parameters, decisions, context }) {
    const name = parameters.topic_name;
    if (!mayDelete(decisions, name)) return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    if (!rest.settings.deleteTopics) return kafkaFailure({ error: 'TOPIC_DELETION_DISABLED' });
    const topic = await rest.admin.topics.read(name);
    if (topic === undefined) return kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    if (isReservedTopic(name)) {
      return kafkaFailure({ error: 'INVALID_REQUEST', message: `Deletion of internal topic ${name} is prohibited.` });
    }
    const deadline = Math.min(context.deadline, rest.clock.monotonic() + DELETION_TIMEOUT_MS);
    const isDeleted = await deleteTopic(rest.admin, topic, deadline);
    return isDeleted ? NO_CONTENT : kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
  },
});

/** DELETE on the cluster includes every topic (Kafka: ControllerApis.deleteTopics). */
function mayDelete(decisions: Decisions, name: string): boolean {
  const topic = topicResource(name);
  return (
    decisions.allows('DELETE', CLUSTER) || (decisions.allows('DESCRIBE', topic) && decisions.allows('DELETE', topic))
  );
}

function describe(
  cluster: ClusterLinks,
  { name, partitions, replicationFactor }: Pick<TopicRecord, 'name' | 'partitions' | 'replicationFactor'>,
) {
  return {
    ...cluster.head('KafkaTopic', ['topics', name], [['topic', name]]),
    topic_name: name,
    is_internal: isInternalTopic(name),
    replication_factor: replicationFactor,
    partitions_count: partitions,
    partitions: cluster.related('topics', name, 'partitions'),
    configs: cluster.related('topics', name, 'configs'),
    partition_reassignments: cluster.related('topics', name, 'partitions', '-', 'reassignment'),
  };
}

export const topicRoutes = [listTopics, getTopic, postTopic, patchTopic, removeTopic];
