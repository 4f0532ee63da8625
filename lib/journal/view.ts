import type { Offset } from '../core/offset.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { ProducerState } from './producers.ts';

/** A block of entries is closed after this many entries ... */
export const BLOCK_ENTRIES = 256;
/** ... or this many bytes of entries; a checkpoint is due at each close, so this bounds what a cold start replays. */
export const BLOCK_BYTES = 512 * 1024;
/** Rows of the block index kept for one journal, over all its partitions; older rows are thinned out beyond it. */
export const BLOCK_ROWS_MAX = 8192;
/** A partition keeps at least this many rows, however many partitions share the journal. */
export const BLOCK_ROWS_MIN_PER_PARTITION = 16;

/** One batch in the open block: where it is. */
export interface SlotRow {
  readonly baseOffset: Offset;
  readonly maxTimestamp: number;
  readonly seq: number;
}

/** A stretch of the journal: the partition's offsets from `baseOffset` on, up to the next row's, lie at `seq` or after. */
export interface BlockRow {
  readonly baseOffset: Offset;
  /** Largest batch timestamp in the stretch. */
  readonly maxTimestamp: number;
  readonly seq: number;
}

export interface EpochStart {
  readonly epoch: number;
  readonly startOffset: Offset;
}

export interface AbortedRange {
  readonly producerId: number;
  readonly firstOffset: Offset;
  /** Offset of the abort marker. */
  readonly lastOffset: Offset;
}

export interface PartitionView {
  readonly partition: number;
  logStartOffset: Offset;
  /** The log end offset: what the next record gets. */
  nextOffset: Offset;
  /** Largest batch timestamp so far and the base offset of the first batch that has it; -1 before any batch. */
  maxTimestamp: number;
  maxTimestampOffset: Offset;
  /** Epochs under which this partition got data, ascending. */
  epochs: EpochStart[];
  producers: Map<number, ProducerState>;
  /** First offsets of open transactions by producer id. */
  openTransactions: Map<number, Offset>;
  /** By the marker's offset, ascending. */
  aborted: AbortedRange[];
  blocks: BlockRow[];
  /** Batches of the open block, ascending. */
  recent: SlotRow[];
}

/**
 * What the entries up to `seq` amount to. Only `apply` changes it, and by nothing but entries, so that every replay of the
 * same entries gives the same view.
 */
export interface JournalView {
  readonly journal: JournalId;
  /** The last entry folded in; -1 before the first. */
  seq: number;
  /** That entry's time. */
  time: number;
  leaderEpoch: number;
  leader: number;
  closed: boolean;
  /** The open block. */
  blockEntries: number;
  blockBytes: number;
  /** Rows of the block index over all partitions. */
  blockRows: number;
  readonly partitions: Map<number, PartitionView>;
}

/** The view of a journal of which nothing was read yet. */
export function emptyView(journal: JournalId): JournalView {
  return {
    journal,
    seq: -1,
    time: 0,
    leaderEpoch: 0,
    leader: 0,
    closed: false,
    blockEntries: 0,
    blockBytes: 0,
    blockRows: 0,
    partitions: new Map(),
  };
}

export function emptyPartition(partition: number): PartitionView {
  return {
    partition,
    logStartOffset: 0,
    nextOffset: 0,
    maxTimestamp: -1,
    maxTimestampOffset: -1,
    epochs: [],
    producers: new Map(),
    openTransactions: new Map(),
    aborted: [],
    blocks: [],
    recent: [],
  };
}

/**
 * The offset below which every transaction is decided; what read_committed may read up to. Never below the log start, also
 * when records of an open transaction were deleted (Kafka: UnifiedLog.maybeIncrementFirstUnstableOffset).
 */
export function lastStableOffset(partition: PartitionView): Offset {
  let stable = partition.nextOffset;
  for (const first of partition.openTransactions.values()) if (first < stable) stable = first;
  return Math.max(stable, partition.logStartOffset);
}

/** Aborted ranges that overlap offsets [from, to), in order of their markers. */
export function abortedBetween(partition: PartitionView, from: Offset, to: Offset): AbortedRange[] {
  return partition.aborted.filter((range) => range.lastOffset >= from && range.firstOffset < to);
}

/**
 * Where the epoch `requested` ended in this partition (Kafka: LeaderEpochFileCache.endOffsetFor): the largest epoch not
 * above it and the offset after its last record; undefined for an epoch that is newer than the journal's.
 */
export function epochEnd(
  partition: PartitionView,
  currentEpoch: number,
  requested: number,
): { epoch: number; endOffset: Offset } | undefined {
  if (requested > currentEpoch || requested === -1) return undefined;
  if (requested === currentEpoch) return { epoch: currentEpoch, endOffset: partition.nextOffset };
  const after = partition.epochs.findIndex((start) => start.epoch > requested);
  if (after === -1) {
    return { epoch: partition.epochs.at(-1)?.epoch ?? requested, endOffset: partition.nextOffset };
  }
  const before = partition.epochs[after - 1];
  // The oldest epoch that is left begins at the log start (Kafka: LeaderEpochFileCache.truncateFromStart).
  const endOffset = Math.max(partition.epochs[after]!.startOffset, partition.logStartOffset);
  return { epoch: before?.epoch ?? requested, endOffset };
}

/** True when a block was closed by the last entry, so that a checkpoint is due. */
export function atBlockBoundary(view: JournalView): boolean {
  return view.blockEntries === 0 && view.seq >= 0;
}
