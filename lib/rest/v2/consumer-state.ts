import * as v from 'valibot';
import { type Decisions, topicResource } from '../../auth/authorize.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import type { CompiledPattern } from '../../groups/consumer/topic-pattern.ts';
import type { RestConsumer, RestPartition, RestPosition, RestSelection } from '../../storage/items/rest-consumer.ts';
import { isRefusal, NO_CONTENT, ok, type Refusal } from '../answer.ts';
import { leaveGroup } from '../consumers/membership.ts';
import { isSamePartition } from '../consumers/partition.ts';
import { commitPositions, committedOffsets, listedPositions, storeOffsets } from '../consumers/positions.ts';
import type { RestEnvironment } from '../environment.ts';
import { badRequest, illegalState, invalidPayload, kafkaFailure } from '../errors.ts';
import { prepare } from './consumers.ts';
import { defineInstanceRoute, type InstanceOutcome } from './instance-route.ts';

const INT32_MAX = 2 ** 31 - 1;
const partitionNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(INT32_MAX));
const offsetNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const topicPartition = v.object({ topic: v.string(), partition: partitionNumber });
const partitionsBody = v.object({ partitions: v.array(topicPartition) });
const subscriptionBody = v.object({ topics: v.nullish(v.array(v.string())), topic_pattern: v.nullish(v.string()) });

const offsetOf = v.object({ ...topicPartition.entries, offset: offsetNumber, metadata: v.nullish(v.string()) });

const EXCLUSIVE = illegalState('Subscription to topics, partitions and pattern are mutually exclusive');

const subscribe = defineInstanceRoute({
  method: 'POST',
  path: '/subscription',
  summary: 'Subscribe to topics or a pattern',
  body: { kind: 'json', schema: subscriptionBody },
  success: { status: 204 },
  async handle(rest, request, { instance }) {
    const { topics, topic_pattern: pattern } = request.body;
    let selection: RestSelection;
    if (topics != null) selection = { kind: 'topics', topics: [...new Set(topics)].sort() };
    else if (pattern != null) selection = { kind: 'pattern', pattern };
    else return { answer: NO_CONTENT };
    if (pattern != null && (await compiledOf(pattern)).kind === 'invalid') {
      return badRequest(`topic_pattern=${JSON.stringify(pattern)} is no regular expression of RE2.`);
    }
    const { kind } = instance.selection;
    if (kind !== 'nothing' && kind !== selection.kind) return EXCLUSIVE;
    const forbidden = topics?.find((name) => !request.decisions.allows('READ', topicResource(name)));
    if (forbidden !== undefined) return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    const joined = await prepare(rest, request, { ...instance, selection });
    return isRefusal(joined) ? joined : { answer: NO_CONTENT, instance: joined };
  },
});

/** GET subscription: the topics, for a pattern those that it matches. */
const getSubscription = defineInstanceRoute({
  method: 'GET',
  path: '/subscription',
  summary: 'Get the topics subscribed to',
  success: { status: 200, schema: v.object({ topics: v.array(v.string()) }) },
  async handle(rest, request, { instance }) {
    return { answer: ok({ topics: await subscribedTopics(rest, request.decisions, instance) }), instance };
  },
});

/** Loads the engine of patterns with the first one. */
async function compiledOf(pattern: string): Promise<CompiledPattern> {
  const { compilePattern } = await import('../../groups/consumer/topic-pattern.ts');
  return compilePattern(pattern);
}

async function subscribedTopics(
  rest: RestEnvironment,
  decisions: Decisions,
  { selection }: RestConsumer,
): Promise<readonly string[]> {
  if (selection.kind === 'topics') return selection.topics;
  if (selection.kind !== 'pattern') return [];
  const compiled = await compiledOf(selection.pattern);
  if (compiled.kind === 'invalid') return [];
  const names = (await rest.admin.topics.list()).map(({ record }) => record.name);
  return names.filter((name) => compiled.pattern.matches(name) && decisions.allows('DESCRIBE', topicResource(name)));
}

/** DELETE subscription: the instance leaves the group, or gives up the partitions that it assigned to itself. */
const unsubscribe = defineInstanceRoute({
  method: 'DELETE',
  path: '/subscription',
  summary: 'Unsubscribe',
  success: { status: 204 },
  async handle(rest, { context }, { instance }) {
    if (instance.autoCommit) await commitPositions(rest, instance, context);
    const problem = await leaveGroup(rest, instance, context);
    if (problem !== undefined) return problem;
    const nothing = { selection: { kind: 'nothing' }, memberEpoch: 0, owned: [], positions: [] } as const;
    return { answer: NO_CONTENT, instance: { ...instance, ...nothing } };
  },
});

const assign = defineInstanceRoute({
  method: 'POST',
  path: '/assignments',
  summary: 'Assign partitions without the group',
  body: { kind: 'json', schema: partitionsBody },
  success: { status: 204 },
  async handle(rest, request, { instance }) {
    const { kind } = instance.selection;
    if (kind !== 'nothing' && kind !== 'partitions') return EXCLUSIVE;
    const owned = await found(rest, request.decisions, request.body.partitions);
    if (isRefusal(owned)) return owned;
    const selection: RestSelection = owned.length === 0 ? { kind: 'nothing' } : { kind: 'partitions' };
    const ready = await prepare(rest, request, { ...instance, selection, owned });
    return isRefusal(ready) ? ready : { answer: NO_CONTENT, instance: ready };
  },
});

const getAssignments = defineInstanceRoute({
  method: 'GET',
  path: '/assignments',
  summary: 'Get the assigned partitions',
  success: { status: 200, schema: v.object({ partitions: v.array(topicPartition) }) },
  async handle(rest, request, { instance }) {
    const ready = await prepare(rest, request, instance);
    if (isRefusal(ready)) return ready;
    const partitions = ready.owned.map(({ topic, partition }) => ({ topic, partition }));
    return { answer: ok({ partitions }), instance: ready };
  },
});

/**
 * POST offsets: commits the given offsets, each of the last record that was processed, so that the
 * group goes on behind it; without a body all that was read.
 */
const commit = defineInstanceRoute({
  method: 'POST',
  path: '/offsets',
  summary: 'Commit offsets',
  query: v.object({ async: v.optional(v.string()) }),
  body: { kind: 'json', schema: v.nullish(v.object({ offsets: v.nullish(v.array(offsetOf)) })), isOptional: true },
  success: { status: 200, schema: v.array(v.unknown()) },
  async handle(rest, request, { instance }) {
    const { context, decisions, body } = request;
    const ready = await prepare(rest, request, instance);
    if (isRefusal(ready)) return ready;
    if (body?.offsets == null) {
      const committed = await commitPositions(rest, ready, context);
      return isRefusal(committed) ? committed : { answer: ok([]), instance: committed };
    }
    const partitions = await found(rest, decisions, body.offsets);
    if (isRefusal(partitions)) return partitions;
    const wanted = body.offsets.map(({ offset, metadata }, at) => {
      return { ...partitions[at]!, offset: offset + 1, metadata: metadata ?? '' };
    });
    const problem = await storeOffsets(rest, ready, wanted, context);
    if (problem !== undefined) return problem;
    const positions = ready.positions.map((one) => {
      const stored = wanted.find((other) => isSamePartition(one, other));
      return stored === undefined ? one : { ...one, committed: stored.offset };
    });
    return { answer: ok([]), instance: { ...ready, positions } };
  },
});

/** GET offsets: with a body, as Confluent has it, or with the parameters `topic` and `partition`. */
const getCommitted = defineInstanceRoute({
  method: 'GET',
  path: '/offsets',
  summary: 'Get committed offsets',
  query: v.object({ topic: v.optional(v.string()), partition: v.optional(v.pipe(v.string(), v.regex(/^\d{1,9}$/))) }),
  body: { kind: 'json', schema: v.nullish(partitionsBody), isOptional: true },
  success: {
    status: 200,
    schema: v.object({
      offsets: v.array(
        v.object({ topic: v.string(), partition: v.number(), offset: v.number(), metadata: v.string() }),
      ),
    }),
  },
  async handle(rest, request, { instance }) {
    const { topic, partition } = request.query;
    const named = topic === undefined || partition === undefined ? [] : [{ topic, partition: Number(partition) }];
    const asked = request.body?.partitions ?? named;
    if (asked.length === 0) return invalidPayload('Request body is empty. Data is required.');
    const partitions = await found(rest, request.decisions, asked);
    if (isRefusal(partitions)) return partitions;
    const ready = await prepare(rest, request, instance);
    if (isRefusal(ready)) return ready;
    const committed = await committedOffsets(rest, ready, partitions, request.context);
    if (isRefusal(committed)) return committed;
    const offsets = committed
      .filter(({ offset }) => offset !== NO_OFFSET)
      .map((one) => ({ topic: one.topic, partition: one.partition, offset: one.offset, metadata: one.metadata }));
    return { answer: ok({ offsets }), instance: ready };
  },
});

const seekBody = v.object({
  offsets: v.nullish(v.array(offsetOf)),
  timestamps: v.nullish(
    v.array(v.object({ ...topicPartition.entries, timestamp: v.string(), metadata: v.nullish(v.string()) })),
  ),
});

/** POST positions: to offsets, or to the first records at or after timestamps. */
const seek = defineInstanceRoute({
  method: 'POST',
  path: '/positions',
  summary: 'Seek to offsets or timestamps',
  body: { kind: 'json', schema: seekBody },
  success: { status: 204 },
  async handle(rest, request, { instance }) {
    const { offsets, timestamps } = request.body;
    const times = (timestamps ?? []).map(({ timestamp }) => Date.parse(timestamp));
    if (times.some(Number.isNaN)) return badRequest('timestamps: a time of ISO 8601 is expected.');
    const ready = await prepare(rest, request, instance);
    if (isRefusal(ready)) return ready;
    const moves = (offsets ?? []).map(({ topic, partition, offset }) => ({ topic, partition, offset }));
    const timed = await assigned(ready, timestamps ?? []);
    if (isRefusal(timed)) return timed;
    const listed = await listedPositions(rest, timed, (_, at) => Math.max(0, times[at]!), request.context);
    if (isRefusal(listed)) return listed;
    return moved(ready, [...moves, ...listed]);
  },
});

const seekToBeginning = seekToEdge('beginning', 'earliest');
const seekToEnd = seekToEdge('end', 'latest');

function seekToEdge<const Name extends 'beginning' | 'end'>(name: Name, edge: 'earliest' | 'latest') {
  return defineInstanceRoute({
    method: 'POST',
    path: `/positions/${name}`,
    summary: `Seek to the ${name}`,
    body: { kind: 'json', schema: partitionsBody },
    success: { status: 204 },
    async handle(rest, request, { instance }) {
      const ready = await prepare(rest, request, instance);
      if (isRefusal(ready)) return ready;
      const partitions = await assigned(ready, request.body.partitions);
      if (isRefusal(partitions)) return partitions;
      const listed = await listedPositions(rest, partitions, () => edge, request.context);
      return isRefusal(listed) ? listed : moved(ready, listed);
    },
  });
}

type Named = Pick<RestPartition, 'topic' | 'partition'>;

/** The partitions of an instance that a request names. */
async function assigned(instance: RestConsumer, asked: readonly Named[]): Promise<RestPartition[] | Refusal> {
  const partitions: RestPartition[] = [];
  for (const one of asked) {
    const own = instance.owned.find((other) => other.topic === one.topic && other.partition === one.partition);
    if (own === undefined) return notAssigned(one);
    partitions.push(own);
  }
  return partitions;
}

function notAssigned({ topic, partition }: Named): Refusal {
  return illegalState(`No current assignment for partition ${topic}-${partition}`);
}

/** The instance with other positions. */
function moved(
  instance: RestConsumer,
  moves: readonly (Named & { readonly offset: number })[],
): InstanceOutcome | Refusal {
  const positions: RestPosition[] = [...instance.positions];
  for (const move of moves) {
    const at = positions.findIndex((one) => one.topic === move.topic && one.partition === move.partition);
    if (at < 0) return notAssigned(move);
    positions[at] = { ...positions[at]!, offset: move.offset };
  }
  return { answer: NO_CONTENT, instance: { ...instance, positions } };
}

/** Partitions by the names that a request gives them, in its order. */
async function found(
  { admin }: RestEnvironment,
  decisions: Decisions,
  asked: readonly Named[],
): Promise<RestPartition[] | Refusal> {
  const partitions: RestPartition[] = [];
  for (const { topic: name, partition } of asked) {
    if (!decisions.allows('READ', topicResource(name))) return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
    const topic = await admin.topics.get(name);
    if (topic === undefined || partition >= topic.record.partitions) {
      return kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    }
    partitions.push({ topic: name, topicId: topic.record.id, partition });
  }
  return partitions;
}

export const v2ConsumerStateRoutes = [
  subscribe,
  getSubscription,
  unsubscribe,
  assign,
  getAssignments,
  commit,
  getCommitted,
  seek,
  seekToBeginning,
  seekToEnd,
];
