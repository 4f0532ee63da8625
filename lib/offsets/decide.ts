import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { CommittedOffset, OffsetsBlock } from '../storage/items/committed-offsets.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { GroupFacts, OffsetSettings } from './environment.ts';

/** A block after a decision. `remove`: nothing is left in it that has to be kept; `block` is what stays if it must stay. */
export type BlockChange =
  | { readonly kind: 'same' }
  | { readonly kind: 'put'; readonly block: OffsetsBlock }
  | { readonly kind: 'remove'; readonly block: OffsetsBlock };

const SAME: BlockChange = { kind: 'same' };

/** The topic that a block belongs to. */
export interface BlockTopic {
  readonly id: Uuid;
  readonly name: string;
}

/** One partition of a commit. */
export interface OffsetToCommit {
  readonly partition: number;
  readonly offset: Offset;
  readonly leaderEpoch: number;
  readonly metadata: string;
  /** How long to keep it, ms, where the request says so (OffsetCommit 2 to 4); undefined for as the settings say. */
  readonly retentionMs?: number | undefined;
}

export interface CommitToDecide {
  readonly topic: BlockTopic;
  /** Negative for somebody who is not a member. */
  readonly generation: number;
  readonly offsets: readonly OffsetToCommit[];
  /** Kafka's rule for single partitions, where the group has one. */
  partitionProblem?(topicId: Uuid, partition: number): ErrorName | undefined;
}

export interface CommitDecision {
  readonly change: BlockChange;
  /** Of partitions that were not committed. */
  readonly errors: ReadonlyMap<number, ErrorName>;
}

/** An offset that is committed again without a change is written once a day at the latest, so that it does not expire; ms. */
const REFRESH_MAX_MS = 24 * 60 * 60 * 1000;

/** How old an unchanged commit may be before it is written again, ms: at most half of the retention. */
export function refreshAfterMs({ retentionMs }: OffsetSettings): number {
  return Math.min(retentionMs / 2, REFRESH_MAX_MS);
}

/**
 * What a commit makes of a block (undefined if there is no item). The claim was checked against the group that `facts` are of. A
 * partition whose offsets were shown to a later generation keeps them (rule R13).
 */
export function decideCommit(
  stored: OffsetsBlock | undefined,
  commit: CommitToDecide,
  facts: GroupFacts,
  now: StoreTime,
  settings: OffsetSettings,
): CommitDecision {
  const { topic, generation } = commit;
  const block = current(stored, topic, facts);
  const committed = new Map(block.committed);
  const errors = new Map<number, ErrorName>();
  let changed = false;
  for (const wanted of commit.offsets) {
    const { partition } = wanted;
    const problem = commitProblem(block, commit, wanted, facts, settings);
    if (problem !== undefined) {
      errors.set(partition, problem);
      continue;
    }
    const before = committed.get(partition);
    if (before !== undefined && isRepetition(before, wanted, now, settings)) continue;
    committed.set(partition, toCommitted(wanted, now));
    changed = true;
  }
  if (!changed) return { change: SAME, errors };
  const raised = generation < 0 ? block : raise(block, topic, partitionsOf(commit, errors), facts);
  return { change: { kind: 'put', block: { ...raised, topicName: topic.name, committed } }, errors };
}

function commitProblem(
  block: OffsetsBlock,
  commit: CommitToDecide,
  { partition, metadata }: OffsetToCommit,
  facts: GroupFacts,
  settings: OffsetSettings,
): ErrorName | undefined {
  if (metadata.length > settings.metadataMax) return 'OFFSET_METADATA_TOO_LARGE';
  const problem = commit.partitionProblem?.(commit.topic.id, partition);
  if (problem !== undefined) return problem;
  const stale = commit.generation >= 0 && stampOf(block, partition) > commit.generation;
  return stale ? facts.staleError : undefined;
}

function isRepetition(
  before: CommittedOffset,
  wanted: OffsetToCommit,
  now: StoreTime,
  settings: OffsetSettings,
): boolean {
  return (
    before.offset === wanted.offset &&
    before.leaderEpoch === wanted.leaderEpoch &&
    before.metadata === wanted.metadata &&
    before.expiresAt === undefined &&
    wanted.retentionMs === undefined &&
    now - before.at < refreshAfterMs(settings)
  );
}

function toCommitted({ offset, leaderEpoch, metadata, retentionMs }: OffsetToCommit, now: StoreTime): CommittedOffset {
  const at = Math.floor(now);
  return { offset, leaderEpoch, metadata, at, ...(retentionMs === undefined ? {} : { expiresAt: at + retentionMs }) };
}

function partitionsOf(commit: CommitToDecide, errors: ReadonlyMap<number, ErrorName>): number[] {
  return commit.offsets.map(({ partition }) => partition).filter((partition) => !errors.has(partition));
}

/** One partition as a reader gets it. */
export interface FetchedOffset {
  readonly partition: number;
  readonly error: ErrorName;
  /** NO_OFFSET if the group has committed none. */
  readonly offset: Offset;
  readonly leaderEpoch: number;
  readonly metadata: string;
}

export interface FetchToDecide {
  readonly topic: BlockTopic;
  /** Null for all that have an offset. */
  readonly partitions: readonly number[] | null;
  /** Whether the reader may go on from what it reads, so that rule R13 holds for it. */
  readonly mayConsume: boolean;
  /** KIP-447: offsets that an open transaction may replace are not shown. */
  readonly requireStable: boolean;
}

export interface FetchDecision {
  readonly change: BlockChange;
  readonly offsets: readonly FetchedOffset[];
}

/**
 * What a reader gets of a block, and what has to be written before it may get it: a raised stamp, so that nobody of an
 * earlier generation commits afterwards, also where there is nothing yet; and the removal of what has expired, so that what was
 * answered as gone stays gone.
 */
export function decideFetch(
  stored: OffsetsBlock | undefined,
  fetch: FetchToDecide,
  facts: GroupFacts,
  now: StoreTime,
  settings: OffsetSettings,
): FetchDecision {
  const expired = withoutExpired(current(stored, fetch.topic, facts), fetch.topic, facts, now, settings);
  const partitions = fetch.partitions ?? [...expired.committed.keys()].sort((a, b) => a - b);
  const block = fetch.mayConsume ? raise(expired, fetch.topic, partitions, facts) : expired;
  const offsets = partitions.map((partition) => shown(block, partition, fetch.requireStable));
  return { change: changeFrom(stored, block, facts), offsets };
}

function shown(block: OffsetsBlock, partition: number, requireStable: boolean): FetchedOffset {
  const committed = block.committed.get(partition);
  if (requireStable && block.pending.some((pending) => pending.partition === partition)) {
    return { partition, error: 'UNSTABLE_OFFSET_COMMIT', offset: NO_OFFSET, leaderEpoch: -1, metadata: '' };
  }
  if (committed === undefined) return { partition, error: 'NONE', offset: NO_OFFSET, leaderEpoch: -1, metadata: '' };
  const { offset, leaderEpoch, metadata } = committed;
  return { partition, error: 'NONE', offset, leaderEpoch, metadata };
}

/** What is left of a block when these partitions' offsets are deleted, pending ones included. */
export function decideDelete(
  stored: OffsetsBlock | undefined,
  topic: BlockTopic,
  partitions: readonly number[],
  facts: GroupFacts,
): BlockChange {
  const block = current(stored, topic, facts);
  const gone = new Set(partitions);
  const committed = new Map([...block.committed].filter(([partition]) => !gone.has(partition)));
  const pending = block.pending.filter(({ partition }) => !gone.has(partition));
  const changed = committed.size < block.committed.size || pending.length < block.pending.length;
  return changed ? changeFrom(stored, { ...block, committed, pending }, facts) : SAME;
}

/** What is left of a block when what has expired is removed. */
export function decideExpiry(
  stored: OffsetsBlock,
  topic: BlockTopic,
  facts: GroupFacts,
  now: StoreTime,
  settings: OffsetSettings,
): BlockChange {
  const block = withoutExpired(current(stored, topic, facts), topic, facts, now, settings);
  return isEmpty(block, facts) ? { kind: 'remove', block } : changeFrom(stored, block, facts);
}

/** The block as it counts for this group: what an earlier group of the same name left behind does not. */
function current(stored: OffsetsBlock | undefined, topic: BlockTopic, facts: GroupFacts): OffsetsBlock {
  if (stored?.groupSince === facts.since) return stored;
  return {
    topicName: topic.name,
    groupSince: facts.since,
    stamp: -1,
    stamps: new Map(),
    committed: new Map(),
    pending: [],
  };
}

function changeFrom(stored: OffsetsBlock | undefined, block: OffsetsBlock, facts: GroupFacts): BlockChange {
  if (block === stored) return SAME;
  if (!isEmpty(block, facts)) return { kind: 'put', block };
  return stored === undefined ? SAME : { kind: 'remove', block };
}

/** Without members a stamp alone means nothing: no member has read "none" and continues from there. */
function isEmpty(block: OffsetsBlock, facts: GroupFacts): boolean {
  if (block.committed.size > 0 || block.pending.length > 0) return false;
  return facts.fence.kind === 'none' || (block.stamp < 0 && block.stamps.size === 0);
}

/** The highest generation that a partition's offset was shown to; -1 for none. */
export function stampOf(block: OffsetsBlock, partition: number): number {
  return Math.max(block.stamp, block.stamps.get(partition) ?? -1);
}

/**
 * Raises the stamps of partitions to the group's fence. In a classic group one stamp does for the whole block, so that
 * sixteen members write it once and not sixteen times.
 */
function raise(
  before: OffsetsBlock,
  topic: BlockTopic,
  partitions: readonly number[],
  facts: GroupFacts,
): OffsetsBlock {
  const { fence } = facts;
  if (fence.kind === 'none' || partitions.length === 0) return before;
  const { replacedAt } = fence;
  const isNews = replacedAt !== undefined && replacedAt > (before.replacedAt ?? 0);
  const block = isNews ? { ...before, replacedAt } : before;
  if (fence.kind === 'group') {
    const { generation } = fence;
    if (generation <= block.stamp) return block;
    return { ...block, stamp: generation, stamps: new Map([...block.stamps].filter(([, one]) => one > generation)) };
  }
  const raised = partitions
    .map((partition) => [partition, fence.epochOf(topic.id, partition) ?? -1] as const)
    .filter(([partition, epoch]) => epoch > stampOf(block, partition));
  if (raised.length === 0) return block;
  const stamps = new Map(block.stamps);
  for (const [partition, epoch] of raised) stamps.set(partition, epoch);
  return { ...block, stamps };
}

function withoutExpired(
  block: OffsetsBlock,
  topic: BlockTopic,
  facts: GroupFacts,
  now: StoreTime,
  settings: OffsetSettings,
): OffsetsBlock {
  if (facts.expiry.kind === 'never' || block.committed.size === 0 || facts.isSubscribedTo(topic.name)) return block;
  const pending = new Set(block.pending.map(({ partition }) => partition));
  const kept = [...block.committed].filter(
    ([partition, committed]) => pending.has(partition) || now < expiresAt(committed, facts, settings),
  );
  return kept.length === block.committed.size ? block : { ...block, committed: new Map(kept) };
}

/**
 * Store time from which an offset no longer counts (OffsetExpirationConditionImpl). Commits that changed nothing were not
 * written, so the last one may have come as much later as such a commit may be old.
 */
function expiresAt(committed: CommittedOffset, { expiry }: GroupFacts, settings: OffsetSettings): StoreTime {
  if (committed.expiresAt !== undefined) return committed.expiresAt;
  const sinceCommit = committed.at + refreshAfterMs(settings) + settings.retentionMs;
  if (expiry.kind !== 'sinceEmpty') return sinceCommit;
  return Math.max(expiry.emptySince, committed.at) + settings.retentionMs;
}
