import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { CommittedOffset, OffsetsBlock } from '../storage/items/committed-offsets.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { GroupFacts, OffsetSettings } from './environment.ts';
import { isStaged, mayChange, stage, supersede, type TransactionOf, withoutEarlier } from './pending.ts';

/**
 * The change of a block that a decision requires. `remove`: the block holds nothing that must be
 * kept. If the item cannot be deleted yet, `block` is put instead.
 */
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
  /**
   * Retention that the request sets (OffsetCommit 2 to 4), ms; undefined for the configured one.
   */
  readonly retentionMs?: number | undefined;
}

export interface CommitToDecide {
  readonly topic: BlockTopic;
  /** Negative for a client that is not a member. */
  readonly generation: number;
  readonly offsets: readonly OffsetToCommit[];
  /** The open transaction that the offsets belong to; undefined for a commit that counts at once. */
  readonly transaction?: TransactionOf | undefined;
  /** Kafka's check of single partitions, for groups that have one. */
  partitionProblem?(topicId: Uuid, partition: number): ErrorName | undefined;
}

export interface CommitDecision {
  readonly change: BlockChange;
  /** The errors of the partitions that were not committed. */
  readonly errors: ReadonlyMap<number, ErrorName>;
}

/**
 * Upper bound of refreshAfterMs: an unchanged offset that is committed again is written at least
 * once a day, so that it does not expire; ms.
 */
const REFRESH_MAX_MS = 24 * 60 * 60 * 1000;

/** Age after which an unchanged commit is written again: at most half of the retention; ms. */
export function refreshAfterMs({ retentionMs }: OffsetSettings): number {
  return Math.min(retentionMs / 2, REFRESH_MAX_MS);
}

/**
 * Decides a commit to a block; `stored` is undefined if there is no item. The claim was checked
 * against the group that `facts` describe. A partition whose offset was shown to a later generation
 * keeps it (rule R13). With `transaction`, the offsets become pending ones of that transaction, which
 * is open. Of two commits of a partition the later one counts, also if the earlier one is pending.
 */
export function decideCommit(
  stored: OffsetsBlock | undefined,
  commit: CommitToDecide,
  facts: GroupFacts,
  now: StoreTime,
  settings: OffsetSettings,
): CommitDecision {
  const { topic, generation, transaction } = commit;
  const block = current(stored, topic, facts);
  const committed = new Map(block.committed);
  let pending = transaction === undefined ? block.pending : withoutEarlier(block.pending, transaction);
  const errors = new Map<number, ErrorName>();
  let changed = false;
  for (const wanted of commit.offsets) {
    const { partition } = wanted;
    const problem = commitProblem(block, commit, wanted, facts, settings);
    if (problem !== undefined) {
      errors.set(partition, problem);
    } else if (transaction !== undefined) {
      if (isStaged(pending, transaction, partition, wanted)) continue;
      pending = stage(pending, transaction, partition, toCommitted(wanted, now));
      changed = true;
    } else {
      const before = committed.get(partition);
      const isOvertaking = mayChange(pending, partition);
      if (before !== undefined && !isOvertaking && isRepetition(before, wanted, now, settings)) continue;
      committed.set(partition, toCommitted(wanted, now));
      pending = supersede(pending, partition);
      changed = true;
    }
  }
  if (!changed) return { change: SAME, errors };
  const raised = generation < 0 ? block : raise(block, topic, partitionsOf(commit, errors), facts);
  return { change: { kind: 'put', block: { ...raised, topicName: topic.name, committed, pending } }, errors };
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

/** The result for one partition of a fetch. */
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
  /** Null for all partitions with an offset. */
  readonly partitions: readonly number[] | null;
  /** Whether the reader may consume from the offsets it reads, so that rule R13 applies. */
  readonly mayConsume: boolean;
  /** KIP-447: do not return offsets that an open transaction may replace. */
  readonly requireStable: boolean;
}

export interface FetchDecision {
  readonly change: BlockChange;
  readonly offsets: readonly FetchedOffset[];
}

/**
 * Decides a fetch from a block: the offsets, and the change that must be written before the reply.
 * That change raises the stamps, so that no member of an earlier generation can commit afterwards.
 * It does so also where no offset exists yet. It also removes expired offsets, so that an offset
 * once reported as missing stays missing.
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

/** Deletes the offsets of these partitions from a block, including pending ones. */
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

/** Removes the expired offsets from a block. */
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

/** The block, or an empty one if it belongs to an earlier group of the same name. */
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

/**
 * A stamp without offsets has no effect in a group without members: no member has read "no offset"
 * and consumes from there.
 */
function isEmpty(block: OffsetsBlock, facts: GroupFacts): boolean {
  if (block.committed.size > 0 || block.pending.length > 0) return false;
  return facts.fence.kind === 'none' || (block.stamp < 0 && block.stamps.size === 0);
}

/** The highest generation to which a partition's offset was shown; -1 for none. */
export function stampOf(block: OffsetsBlock, partition: number): number {
  return Math.max(block.stamp, block.stamps.get(partition) ?? -1);
}

/**
 * Raises the stamps of partitions to the group's fence. A classic group uses one stamp for the
 * whole block, so that sixteen members cause one write and not sixteen.
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
 * Store time at which an offset expires (OffsetExpirationConditionImpl). Commits without a change
 * are not always written. Therefore the last commit may be up to refreshAfterMs later than the
 * stored one.
 */
function expiresAt(committed: CommittedOffset, { expiry }: GroupFacts, settings: OffsetSettings): StoreTime {
  if (committed.expiresAt !== undefined) return committed.expiresAt;
  const sinceCommit = committed.at + refreshAfterMs(settings) + settings.retentionMs;
  if (expiry.kind !== 'sinceEmpty') return sinceCommit;
  return Math.max(expiry.emptySince, committed.at) + settings.retentionMs;
}
