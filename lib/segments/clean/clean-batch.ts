import type { Offset } from '../../core/offset.ts';
import { type BatchHeader, hasDeleteHorizon, hasProducerId, isControl, lastOffset } from '../../records/batch.ts';
import type { RecordCursor } from '../../records/cursor.ts';
import { openBatch } from '../../records/record.ts';
import type { AbortedTransaction } from '../format/transaction-index.ts';
import { keyOf } from './map-batch.ts';
import type { OffsetMap } from './offset-map.ts';
import { emptied, KeptRecords, withKeptRecords } from './rebuild.ts';
import type { PassedTransactions } from './transactions.ts';

/** The last thing that the log knows of a producer that may go on writing (Kafka: LastRecord). */
export interface LastOfProducer {
  /** Offset of its last record; NO_OFFSET if its last batch was a marker of a new epoch. */
  readonly lastDataOffset: Offset;
  readonly epoch: number;
}

/** What one pass over a partition decides by. */
export interface CleaningPass {
  readonly map: OffsetMap;
  readonly transactions: PassedTransactions;
  /** Store time at the beginning of the pass, ms. */
  readonly now: number;
  /** The topic's `delete.retention.ms`. */
  readonly deleteRetentionMs: number;
  /** By producer id. */
  readonly producers: ReadonlyMap<number, LastOfProducer>;
  /** The first offset that no pass may touch now. */
  readonly uncleanableFrom: Offset;
}

export interface CleanedBatch {
  /** The batch as it was, its replacement, or undefined if nothing is left of it. */
  readonly bytes: Buffer | undefined;
  readonly recordsRead: number;
  readonly recordsKept: number;
  /** The batch is the marker of this transaction, which goes into the transaction index. */
  readonly aborted?: AbortedTransaction;
}

/**
 * Decides what compaction leaves of one batch (Kafka: Cleaner.cleanInto, MemoryRecords.filterTo).
 * Offsets, timestamps, headers, producer and sequence stay as they are. Throws CorruptRecordError.
 */
export function cleanBatch(pass: CleaningPass, batch: Buffer, header: BatchHeader): CleanedBatch {
  const control = isControl(header.attributes);
  const marker = control ? pass.transactions.onControlBatch(batch, header) : undefined;
  const isUnused = marker?.isUnused ?? pass.transactions.onBatch(header);
  // A marker outlives the records of its transaction by the delete retention, so that a reader that
  // has met the records meets the marker, too.
  const isDropped = control ? isUnused && isPastHorizon(header, pass.now) : isUnused;
  const aborted = marker?.aborted && { aborted: marker.aborted };
  if (isDropped) {
    return { bytes: placeholder(pass, batch, header), recordsRead: header.recordCount, recordsKept: 0 };
  }

  const cursor = openBatch(batch, header);
  const kept = new KeptRecords(cursor);
  let hasTombstone = false;
  while (cursor.next()) {
    if (!control && !isKept(pass, header, cursor)) continue;
    kept.add();
    if (cursor.valueLength < 0) hasTombstone = true;
  }
  const counts = { recordsRead: cursor.passed, recordsKept: kept.count, ...aborted };
  if (kept.count === 0) return { bytes: placeholder(pass, batch, header), ...counts };
  const getsHorizon = (hasTombstone || (control && isUnused)) && !hasDeleteHorizon(header.attributes);
  if (kept.count === cursor.passed && !getsHorizon) return { bytes: batch, ...counts };
  const deleteHorizon = getsHorizon ? pass.now + pass.deleteRetentionMs : horizonOf(header);
  return { bytes: withKeptRecords(batch, header, kept, deleteHorizon), ...counts };
}

function isKept({ map, now }: CleaningPass, header: BatchHeader, cursor: RecordCursor): boolean {
  if (cursor.offset > map.latestOffset) return true;
  if (cursor.keyLength < 0) return false;
  if (cursor.offset < map.get(keyOf(cursor))) return false;
  return cursor.valueLength >= 0 || !isPastHorizon(header, now);
}

function horizonOf(header: BatchHeader): number | undefined {
  return hasDeleteHorizon(header.attributes) ? header.baseTimestamp : undefined;
}

function isPastHorizon(header: BatchHeader, now: number): boolean {
  const horizon = horizonOf(header);
  return horizon !== undefined && horizon <= now;
}

/** What stands in for a batch without records: an empty batch where one is needed. */
function placeholder(pass: CleaningPass, batch: Buffer, header: BatchHeader): Buffer | undefined {
  // The last batch of the range tells where the log goes on.
  const isNeeded = isLastOfProducer(pass, header) || lastOffset(header) + 1 === pass.uncleanableFrom;
  return isNeeded ? emptied(batch) : undefined;
}

/** True if the batch has the last sequence or epoch of a producer that may go on writing. */
function isLastOfProducer({ producers }: CleaningPass, header: BatchHeader): boolean {
  const last = hasProducerId(header) ? producers.get(header.producerId) : undefined;
  if (last === undefined) return false;
  if (last.lastDataOffset >= 0) return lastOffset(header) === last.lastDataOffset;
  return isControl(header.attributes) && header.producerEpoch === last.epoch;
}
