import type { Offset } from '../core/offset.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { EpochStart } from '../storage/items/segment.ts';
import type { ProducerState } from './producers.ts';
import type { SegmentPart } from './segment-part.ts';

export type { EpochStart } from '../storage/items/segment.ts';

/** A block ends after this many entries, or after BLOCK_BYTES. */
export const BLOCK_ENTRIES = 256;
/**
 * A block ends after this many bytes of entries, or after BLOCK_ENTRIES. A checkpoint is due at
 * each end of a block, so this bounds the replay of a cold start.
 */
export const BLOCK_BYTES = 512 * 1024;
/** Rows of the block index of one journal, over all partitions. Above it, older rows are merged. */
export const BLOCK_ROWS_MAX = 8192;
/** Rows that each partition keeps at least, however many partitions share the journal. */
export const BLOCK_ROWS_MIN_PER_PARTITION = 16;

/** The location of one batch of the open block. */
export interface SlotRow {
  readonly baseOffset: Offset;
  readonly maxTimestamp: number;
  readonly seq: number;
}

/**
 * A range of the journal: the partition's offsets from `baseOffset` up to that of the next row are
 * at slot `seq` or later.
 */
export interface BlockRow {
  readonly baseOffset: Offset;
  /** Largest batch timestamp in the range; ms. */
  readonly maxTimestamp: number;
  readonly seq: number;
}

export interface AbortedRange {
  readonly producerId: number;
  readonly firstOffset: Offset;
  /** Offset of the abort marker. */
  readonly lastOffset: Offset;
  /**
   * The last stable offset right after the marker, for the transaction index of a segment (Kafka:
   * ProducerStateManager.lastStableOffset): the first offset of the earliest transaction that was
   * still open, or the marker's offset + 1. Not below the log start of that time.
   */
  readonly lastStableOffset: Offset;
}

export interface PartitionView {
  readonly partition: number;
  logStartOffset: Offset;
  /** The log end offset: the offset of the next record. */
  nextOffset: Offset;
  /**
   * Largest batch timestamp so far and the base offset of the first batch that has it; -1 without
   * batches.
   */
  maxTimestamp: number;
  maxTimestampOffset: Offset;
  /** Epochs in which this partition got batches, ascending. */
  epochs: EpochStart[];
  producers: Map<number, ProducerState>;
  /** First offset of each open transaction, by producer id. */
  openTransactions: Map<number, Offset>;
  /** In order of the marker's offset, ascending. */
  aborted: AbortedRange[];
  blocks: BlockRow[];
  /** The batches of the open block, ascending. */
  recent: SlotRow[];
  /** Offsets below it are in segments; 0 before the first seal. */
  sealedOffset: Offset;
  /** Where the newest seal found `sealedOffset`: see `entriesFrom`. */
  entriesOffset: Offset;
  /** The segments from offset `segmentsFrom` on that still count, and the bytes of their batches. */
  segmentsFrom: Offset;
  segments: number;
  sealedBytes: number;
  /**
   * Slot of the newest `replace` entry of the partition; -1 if it has none. A replacement is decided
   * on segment items, which are read after the view was confirmed; it is void if this slot has
   * changed since (rule R6).
   */
  replacedSeq: number;
  /** Bytes of the batches that are not sealed. */
  hotBytes: number;
}

/** The newest seal entry, which stands in slot `seq`. */
export interface LastSeal {
  readonly seq: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly key: string;
  readonly time: number;
  readonly parts: readonly SegmentPart[];
}

/**
 * The state that results from the entries up to `seq`. Only `apply` changes it, from entries alone,
 * so that every replay of the same entries gives the same view.
 */
export interface JournalView {
  readonly journal: JournalId;
  /** The last entry applied; -1 before the first. */
  seq: number;
  /** The time of that entry. */
  time: number;
  leaderEpoch: number;
  leader: number;
  closed: boolean;
  /** Size of the open block. */
  blockEntries: number;
  blockBytes: number;
  /** Rows of the block index over all partitions. */
  blockRows: number;
  /** Entries up to this slot are in segments; -1 before the first seal. */
  sealedSeq: number;
  /** The time of the entry in slot `sealedSeq`; 0 before the first seal. */
  sealedTime: number;
  /** Its segment items may be missing until the next seal. */
  lastSeal: LastSeal | undefined;
  /**
   * `sealedSeq` before the newest seal. The entries up to it may be deleted after the grace period:
   * their segment items were read back.
   */
  trimmableSeq: number;
  /** The time of the entry in slot `trimmableSeq`; 0 before the second seal. */
  trimmableTime: number;
  /** Bytes of the batches that are not sealed, over all partitions. */
  hotBytes: number;
  /**
   * A time not after that of the first entry with batches that is not sealed; -1 if there is none.
   */
  hotSince: number;
  readonly partitions: Map<number, PartitionView>;
}

/** The view of a journal without entries. */
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
    sealedSeq: -1,
    sealedTime: 0,
    lastSeal: undefined,
    trimmableSeq: -1,
    trimmableTime: 0,
    hotBytes: 0,
    hotSince: -1,
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
    sealedOffset: 0,
    entriesOffset: 0,
    segmentsFrom: 0,
    segments: 0,
    sealedBytes: 0,
    replacedSeq: -1,
    hotBytes: 0,
  };
}

/** The partition's state; created for its first batch. */
export function partitionOf(view: JournalView, partition: number): PartitionView {
  let state = view.partitions.get(partition);
  if (state === undefined) {
    state = emptyPartition(partition);
    view.partitions.set(partition, state);
  }
  return state;
}

/**
 * The first offset of a partition that is read from entries; those below it are read from segments.
 * The span of the newest seal is still read from entries, because its segment items may be missing.
 */
export function entriesFrom(partition: PartitionView): Offset {
  return partition.entriesOffset;
}

/**
 * No batch that is read from entries was written before this time, so that no WAL object that is
 * sufficiently older is needed (rule R16); 0 before the second seal.
 */
export function settledTime({ lastSeal, trimmableTime }: JournalView): number {
  // No slot before a seal without batches that ends at the slot before it is read from entries.
  const isQuiet = lastSeal !== undefined && lastSeal.parts.length === 0 && lastSeal.toSeq === lastSeal.seq - 1;
  return isQuiet ? lastSeal.time : trimmableTime;
}

/** Whether every batch of the journal is read from segments, so that no entry needs an object. */
export function readsNoEntries({ partitions }: JournalView): boolean {
  return [...partitions.values()].every((partition) => entriesFrom(partition) >= partition.nextOffset);
}

/**
 * The offset below which every transaction has ended; read_committed reads up to it. Never below
 * the log start, even if records of an open transaction were deleted (Kafka:
 * UnifiedLog.maybeIncrementFirstUnstableOffset).
 */
export function lastStableOffset(partition: PartitionView): Offset {
  let stable = partition.nextOffset;
  for (const first of partition.openTransactions.values()) if (first < stable) stable = first;
  return Math.max(stable, partition.logStartOffset);
}

/**
 * The offset below which every aborted transaction has its marker below `end` (rule R11): the first
 * offset of the earliest transaction that is open, or whose abort marker is at `end` or later; at most
 * `end`. `end`: of a segment of the newest seal, because the view forgets older aborted transactions.
 */
export function abortsKnownTo({ openTransactions, aborted }: PartitionView, end: Offset): Offset {
  let known = end;
  for (const first of openTransactions.values()) known = Math.min(known, first);
  for (const { firstOffset, lastOffset } of aborted) if (lastOffset >= end) known = Math.min(known, firstOffset);
  return known;
}

/**
 * Whether the view ends in the middle of an import of the partition. A topic has its name only after
 * the end, so that its clients must not be answered from such a view: it lacks the transactions that
 * were aborted in its newest segment. After a seal it has rows of the entries.
 */
export function isWithinImport(partition: PartitionView): boolean {
  const { blocks, recent, sealedOffset } = partition;
  return blocks.length === 0 && recent.length === 0 && entriesFrom(partition) < sealedOffset;
}

/** Aborted ranges that overlap offsets [from, to), in order of their markers. */
export function abortedBetween(partition: PartitionView, from: Offset, to: Offset): AbortedRange[] {
  return partition.aborted.filter((range) => range.lastOffset >= from && range.firstOffset < to);
}

/**
 * Where the epoch `requested` ended in this partition (Kafka: LeaderEpochFileCache.endOffsetFor):
 * the largest epoch that is not above it, and the offset after that epoch's last record. Undefined
 * if `requested` is newer than the journal's epoch.
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
  // The oldest remaining epoch starts at the log start (Kafka:
  // LeaderEpochFileCache.truncateFromStart).
  const endOffset = Math.max(partition.epochs[after]!.startOffset, partition.logStartOffset);
  return { epoch: before?.epoch ?? requested, endOffset };
}

/** True if the last entry ended a block, so that a checkpoint is due. */
export function atBlockBoundary(view: JournalView): boolean {
  return view.blockEntries === 0 && view.seq >= 0;
}
