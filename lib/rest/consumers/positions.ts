import type { RequestContext } from '../../core/context.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import type { OffsetPosition } from '../../log/list-offsets.ts';
import { type MemberClaim, NO_MEMBER } from '../../offsets/environment.ts';
import type { RestConsumer, RestPartition, RestPosition } from '../../storage/items/rest-consumer.ts';
import { isRefusal, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure } from '../errors.ts';
import { hasPartition } from './partition.ts';

/** OffsetCommit of this version and later has the errors of the consumer protocol. */
const COMMIT_VERSION = 9;

const NO_EPOCH = -1;

/** Who commits and fetches offsets for an instance: its member, or nobody for partitions of its own. */
function claimOf({ selection, memberId, memberEpoch }: RestConsumer): MemberClaim {
  return selection.kind === 'partitions' || selection.kind === 'nothing'
    ? NO_MEMBER
    : { memberId, instanceId: null, generationOrEpoch: memberEpoch };
}

/** The partitions by topic, as the room of offsets takes them. */
function byTopic<T extends RestPartition>(partitions: readonly T[]) {
  const topics = new Map<string, { topic: { id: string; name: string }; of: T[] }>();
  for (const one of partitions) {
    const known = topics.get(one.topicId);
    if (known === undefined) topics.set(one.topicId, { topic: { id: one.topicId, name: one.topic }, of: [one] });
    else known.of.push(one);
  }
  return [...topics.values()];
}

/** A partition's committed offset; NO_OFFSET for none. */
export interface CommittedPosition extends RestPartition {
  readonly offset: number;
  readonly metadata: string;
}

/** The committed offsets of partitions. Throws StoreUnavailableError. */
export async function committedOffsets(
  { offsets }: RestEnvironment,
  instance: RestConsumer,
  partitions: readonly RestPartition[],
  context: RequestContext,
): Promise<CommittedPosition[] | Refusal> {
  if (partitions.length === 0) return [];
  const topics = byTopic(partitions).map(({ topic, of }) => ({ topic, wanted: of.map(({ partition }) => partition) }));
  const fetch = { groupId: instance.group, claim: claimOf(instance), topics, requireStable: false };
  const outcome = await offsets.fetch(fetch, context);
  if (outcome.kind === 'refused') return kafkaFailure(outcome);
  const found = new Map<string, { readonly offset: number; readonly metadata: string }>();
  for (const { topic, offsets: fetched } of outcome.kind === 'fetched' ? outcome.topics : []) {
    for (const { partition, offset, metadata, error } of fetched) {
      if (error !== 'NONE') return kafkaFailure({ error });
      found.set(`${topic.id}/${partition}`, { offset, metadata });
    }
  }
  return partitions.map((one) => ({
    ...one,
    ...(found.get(`${one.topicId}/${one.partition}`) ?? { offset: NO_OFFSET, metadata: '' }),
  }));
}

export interface OffsetToStore extends RestPartition {
  readonly offset: number;
  readonly metadata: string;
}

/** Commits offsets for an instance. The first error counts. Throws StoreUnavailableError. */
export async function storeOffsets(
  { offsets }: RestEnvironment,
  instance: RestConsumer,
  wanted: readonly OffsetToStore[],
  context: RequestContext,
): Promise<Refusal | undefined> {
  if (wanted.length === 0) return undefined;
  const topics = byTopic(wanted).map(({ topic, of }) => ({
    topic,
    wanted: of.map(({ partition, offset, metadata }) => ({ partition, offset, leaderEpoch: NO_EPOCH, metadata })),
  }));
  const kind = { transactional: false, apiVersion: COMMIT_VERSION };
  const outcome = await offsets.commit({ groupId: instance.group, claim: claimOf(instance), kind, topics }, context);
  for (const one of wanted) {
    const error = outcome({ id: one.topicId, name: one.topic }, one.partition);
    if (error !== 'NONE') return kafkaFailure({ error });
  }
  return undefined;
}

/** Commits the positions that were not committed yet, of all partitions or of some. */
export async function commitPositions(
  rest: RestEnvironment,
  instance: RestConsumer,
  context: RequestContext,
  some: readonly RestPartition[] = instance.owned,
): Promise<RestConsumer | Refusal> {
  const due = instance.positions.filter((one) => one.offset !== one.committed && hasPartition(some, one));
  const problem = await storeOffsets(
    rest,
    instance,
    due.map((one) => ({ ...one, metadata: '' })),
    context,
  );
  if (problem !== undefined) return problem;
  const positions = instance.positions.map((one) => (due.includes(one) ? { ...one, committed: one.offset } : one));
  return { ...instance, positions };
}

/**
 * Gives every partition of the instance a position: the one it has, else the committed offset, else
 * where `auto.offset.reset` says. Positions of other partitions go. `before`: what the instance owned
 * until this request; a partition that is new may have been read by another member meanwhile, so the
 * committed offset counts first.
 */
export async function withPositions(
  rest: RestEnvironment,
  instance: RestConsumer,
  before: readonly RestPartition[],
  context: RequestContext,
): Promise<RestConsumer | Refusal> {
  const kept = new Map(instance.positions.map((one) => [`${one.topicId}/${one.partition}`, one]));
  const positionOf = ({ topicId, partition }: RestPartition) => kept.get(`${topicId}/${partition}`);
  const isNew = (one: RestPartition) => positionOf(one) === undefined || !hasPartition(before, one);
  const fresh = instance.owned.filter(isNew);
  const committed = await committedOffsets(rest, instance, fresh, context);
  if (isRefusal(committed)) return committed;
  const positions: RestPosition[] = instance.owned.flatMap((one) => (isNew(one) ? [] : [positionOf(one)!]));
  const without: RestPartition[] = [];
  for (const { metadata: _, offset, ...one } of committed) {
    const own = positionOf(one);
    if (offset !== NO_OFFSET) positions.push({ ...one, offset, committed: offset });
    else if (own !== undefined) positions.push(own);
    else without.push(one);
  }
  const reset = await resetPositions(rest, instance, without, context);
  return isRefusal(reset) ? reset : { ...instance, positions: [...positions, ...reset] };
}

/** The positions that `auto.offset.reset` gives. */
export async function resetPositions(
  rest: RestEnvironment,
  { autoOffsetReset }: RestConsumer,
  partitions: readonly RestPartition[],
  context: RequestContext,
): Promise<RestPosition[] | Refusal> {
  if (partitions.length === 0) return [];
  if (autoOffsetReset !== 'none') return listedPositions(rest, partitions, () => autoOffsetReset, context);
  const names = partitions.map(({ topic, partition }) => `${topic}-${partition}`).join(', ');
  const message = `Undefined offset with no reset policy for partitions: [${names}]`;
  return kafkaFailure({ error: 'OFFSET_OUT_OF_RANGE', message });
}

/** Positions at offsets that the log tells: the first, the last, or those of timestamps. */
export async function listedPositions(
  { log }: RestEnvironment,
  partitions: readonly RestPartition[],
  positionOf: (partition: RestPartition, at: number) => OffsetPosition,
  context: RequestContext,
): Promise<RestPosition[] | Refusal> {
  const asked = partitions.map((one, at) => ({
    topic: { id: one.topicId },
    partition: one.partition,
    position: positionOf(one, at),
    currentLeaderEpoch: NO_EPOCH,
  }));
  const listed = await log.listOffsets(context, asked, 'read_uncommitted');
  const failed = listed.find(({ error }) => error !== 'NONE');
  if (failed !== undefined) return kafkaFailure(failed);
  // There may be no record at or after a timestamp.
  return partitions.flatMap((one, at) => {
    const { offset } = listed[at]!;
    return offset === NO_OFFSET ? [] : [{ ...one, offset, committed: NO_OFFSET }];
  });
}
