import type { Offset } from '../../core/offset.ts';
import type { SegmentPart } from '../../journal/segment-part.ts';
import { crc32c } from '../../records/crc32c.ts';
import { malformed } from './malformed.ts';
import { OffsetIndex } from './offset-index.ts';
import { TimeIndex } from './time-index.ts';
import { type AbortedTransaction, decodeTransactionIndex } from './transaction-index.ts';

/** The three indexes of one part, decoded. Positions are relative to the first byte of its log. */
export interface PartIndex {
  readonly part: SegmentPart;
  readonly offsets: OffsetIndex;
  readonly times: TimeIndex;
  /** In order of their abort markers. */
  readonly aborted: readonly AbortedTransaction[];
}

/**
 * Decodes the index block of a part. `bytes` is the range `part.index` of the object at `key`.
 * Throws MalformedBytesError if the block is cut off, damaged or not that of the part.
 */
export function decodeIndexBlock(key: string, part: SegmentPart, bytes: Buffer): PartIndex {
  const { start, length } = part.index;
  if (bytes.length !== length) throw malformed(key, start, `an index of ${bytes.length} bytes, expected ${length}`);
  const crc = crc32c(bytes);
  if (crc !== part.indexCrc) throw malformed(key, start, `an index with CRC ${crc}, expected ${part.indexCrc}`);
  const timesAt = part.offsetIndexBytes;
  const transactionsAt = timesAt + part.timeIndexBytes;
  if (transactionsAt > length) throw malformed(key, start, `an index of ${length} bytes, shorter than its parts`);
  return {
    part,
    offsets: new OffsetIndex(bytes.subarray(0, timesAt), part, key, start),
    times: new TimeIndex(bytes.subarray(timesAt, transactionsAt), part, key, start + timesAt),
    aborted: decodeTransactionIndex(bytes.subarray(transactionsAt), part, key, start + transactionsAt),
  };
}

/**
 * Where a search for the batch that holds `offset` begins: the start of a batch that is not behind
 * it. If the offset was compacted away, the first batch above it is not before that position
 * either.
 */
export function positionOf(index: PartIndex, offset: Offset): number {
  return index.offsets.positionAtOrBefore(offset);
}

/**
 * The bytes of the log in which the batch that holds `offset` lies, if it is there: they begin with
 * a batch and end with one or with the log. They hold at least `minBytes` from their start if the
 * log is that long.
 */
export function rangeOf(
  index: PartIndex,
  offset: Offset,
  minBytes = 0,
): { readonly start: number; readonly end: number } {
  const start = positionOf(index, offset);
  const end = Math.min(Math.max(index.offsets.positionAfter(offset), start + minBytes), index.part.log.length);
  return { start, end };
}

/**
 * An offset below which every record of the part has a timestamp less than `timestamp` (ms);
 * undefined if all its records have.
 */
export function offsetOfTime(index: PartIndex, timestamp: number): Offset | undefined {
  if (timestamp > index.part.maxTimestamp) return undefined;
  return index.times.offsetAtOrBefore(timestamp);
}

/**
 * The start of a batch before which no batch has a timestamp of `timestamp` (ms) or later;
 * undefined if no batch of the part has (Kafka: LogSegment.findOffsetByTimestamp).
 */
export function positionOfTime(index: PartIndex, timestamp: number): number | undefined {
  const offset = offsetOfTime(index, timestamp);
  return offset === undefined ? undefined : positionOf(index, offset);
}

export interface AbortedSearch {
  /** The transactions that overlap the range, in order of their abort markers. */
  readonly aborted: readonly AbortedTransaction[];
  /** False if transactions that overlap the range may end in later segments (rule R11). */
  readonly isComplete: boolean;
}

/**
 * The aborted transactions with records in [from, to) that ended in this part (Kafka:
 * TransactionIndex.collectAbortedTxns). The search is complete once an abort marker left no open
 * transaction below `to`.
 */
export function abortedIn(index: PartIndex, from: Offset, to: Offset): AbortedSearch {
  const aborted: AbortedTransaction[] = [];
  for (const transaction of index.aborted) {
    if (transaction.lastOffset >= from && transaction.firstOffset < to) aborted.push(transaction);
    if (transaction.lastStableOffset >= to) return { aborted, isComplete: true };
  }
  return { aborted, isComplete: false };
}
