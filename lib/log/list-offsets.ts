import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { readBatches, type StoredBatch } from '../journal/read.ts';
import { emptyPartition, lastStableOffset, type PartitionView } from '../journal/view.ts';
import type { NextWork } from '../kit/turns.ts';
import { NO_TIMESTAMP } from '../records/batch.ts';
import { CorruptRecordError } from '../records/error.ts';
import { findByTimestamp, findMaxTimestamp } from '../records/timestamps.ts';
import { epochProblem } from './leader-epoch.ts';
import type { IsolationLevel } from './read-partitions.ts';

/**
 * A timestamp (ms, 0 or more), for the first record at or after it, or one of Kafka's special
 * positions (ListOffsetsRequest).
 */
export type OffsetPosition =
  | number
  | 'latest'
  | 'earliest'
  /** The record with the largest timestamp. */
  | 'maxTimestamp'
  | 'earliestLocal'
  | 'latestTiered'
  | 'earliestPendingUpload';

export interface ListedOffset {
  readonly error: ErrorName;
  /** Why the store could not be read, for operators; only with KAFKA_STORAGE_ERROR. */
  readonly reason?: string | undefined;
  /** NO_OFFSET if there is no such record. */
  readonly offset: Offset;
  /** -1 unless the answer is a record; ms. */
  readonly timestamp: number;
  readonly leaderEpoch: number;
}

/** Bytes read at a time to search inside batches. */
const LOOK_BYTES = 1024 * 1024;

/**
 * The offset at a position, from an up-to-date view. Searches inside batches, as Kafka does. If a
 * batch cannot be decoded the answer is UNKNOWN_SERVER_ERROR, as in Kafka. Throws
 * StoreUnavailableError and EntriesGoneError.
 */
export async function listOffset(
  open: OpenJournal,
  partitionNumber: number,
  position: OffsetPosition,
  isolation: IsolationLevel,
  currentLeaderEpoch: number,
): Promise<ListedOffset> {
  const { journal } = open;
  await journal.catchUp(true);
  const { view } = journal;
  if (view.closed) return noOffset('UNKNOWN_TOPIC_OR_PARTITION');
  const fenced = epochProblem(view, currentLeaderEpoch);
  if (fenced !== undefined) return noOffset(fenced);
  const partition = view.partitions.get(partitionNumber) ?? emptyPartition(partitionNumber);
  const end = isolation === 'read_committed' ? lastStableOffset(partition) : partition.nextOffset;
  const at = (offset: Offset, time: number): ListedOffset => ({
    error: 'NONE',
    offset,
    timestamp: time,
    leaderEpoch: partition.epochs.findLast((start) => start.startOffset <= offset)?.epoch ?? view.leaderEpoch,
  });
  const foundBy = async (search: Promise<Found | undefined>): Promise<ListedOffset> => {
    try {
      const found = await search;
      return found === undefined ? noOffset('NONE') : at(found.offset, found.timestamp);
    } catch (error) {
      if (!(error instanceof UnreadableBatchError)) throw error;
      const { offset, message } = error;
      journal.env.logger.log('error', {
        event: 'batch_unreadable',
        journal: journal.id,
        partition: partitionNumber,
        offset,
        message,
      });
      return noOffset('UNKNOWN_SERVER_ERROR');
    }
  };
  switch (position) {
    case 'latest':
      return { ...at(end, -1), leaderEpoch: view.leaderEpoch };
    case 'earliest':
    case 'earliestLocal':
      return at(partition.logStartOffset, -1);
    case 'latestTiered':
    case 'earliestPendingUpload':
      // There is no tiered storage.
      return noOffset('NONE');
    case 'maxTimestamp':
      return foundBy(newestRecord(open, partition, end));
    default:
      return foundBy(firstAtOrAfter(open, partition, position, end));
  }
}

interface Found {
  readonly offset: Offset;
  readonly timestamp: number;
}

/** If no record has a timestamp, the answer is the first record. */
async function newestRecord(open: OpenJournal, partition: PartitionView, end: Offset): Promise<Found | undefined> {
  if (end <= partition.logStartOffset) return undefined;
  return (await newestWithTime(open, partition, end)) ?? { offset: partition.logStartOffset, timestamp: NO_TIMESTAMP };
}

async function newestWithTime(open: OpenJournal, partition: PartitionView, end: Offset): Promise<Found | undefined> {
  if (partition.maxTimestampOffset < partition.logStartOffset || partition.maxTimestampOffset >= end) {
    return newestByScan(open, partition, end);
  }
  const range = { partition: partition.partition, from: partition.maxTimestampOffset, to: end };
  const [batch] = await readBatches(open.journal, { ...range, maxBytes: 1, atLeastOne: true });
  return batch === undefined ? undefined : lookInside(open, batch, (next) => findMaxTimestamp(batch.bytes, next));
}

/** Reads every batch of the range. Needed if the remembered maximum is outside of it. */
async function newestByScan(open: OpenJournal, partition: PartitionView, end: Offset): Promise<Found | undefined> {
  let best: Found | undefined;
  for await (const batch of batchesFrom(open, partition, partition.logStartOffset, end)) {
    if (batch.meta.control || batch.meta.maxTimestamp <= (best?.timestamp ?? -1)) continue;
    best = (await lookInside(open, batch, (next) => findMaxTimestamp(batch.bytes, next))) ?? best;
  }
  return best;
}

async function firstAtOrAfter(
  open: OpenJournal,
  partition: PartitionView,
  timestamp: number,
  end: Offset,
): Promise<Found | undefined> {
  if (partition.maxTimestamp < timestamp) return undefined;
  const block = partition.blocks.find((row) => row.maxTimestamp >= timestamp);
  const recent = partition.recent.find((row) => row.maxTimestamp >= timestamp);
  const start = block?.baseOffset ?? recent?.baseOffset;
  if (start === undefined) return undefined;
  for await (const batch of batchesFrom(open, partition, Math.max(start, partition.logStartOffset), end)) {
    if (batch.meta.control || batch.meta.maxTimestamp < timestamp) continue;
    const found = await lookInside(open, batch, (next) =>
      findByTimestamp(batch.bytes, timestamp, next, partition.logStartOffset),
    );
    if (found !== undefined) return found.offset < end ? found : undefined;
  }
  return undefined;
}

/**
 * A stored batch whose records cannot be decoded, because it was stored without being decompressed.
 */
class UnreadableBatchError extends Error {
  override readonly name = 'UnreadableBatchError';
  readonly offset: Offset;

  constructor(offset: Offset, cause: CorruptRecordError) {
    super(cause.message, { cause });
    this.offset = offset;
  }
}

/** Searches a batch, in turns with other work. Throws UnreadableBatchError. */
async function lookInside<T>(
  open: OpenJournal,
  batch: StoredBatch,
  search: (next: NextWork) => Promise<T>,
): Promise<T> {
  try {
    return await open.journal.env.turns.run(search);
  } catch (error) {
    if (error instanceof CorruptRecordError) throw new UnreadableBatchError(batch.meta.baseOffset, error);
    throw error;
  }
}

async function* batchesFrom(open: OpenJournal, partition: PartitionView, from: Offset, to: Offset) {
  let next = from;
  for (;;) {
    const range = { partition: partition.partition, from: next, to, maxBytes: LOOK_BYTES, atLeastOne: true };
    const batches = await readBatches(open.journal, range);
    const last = batches.at(-1)?.meta;
    if (last === undefined) return;
    yield* batches;
    next = last.baseOffset + last.lastOffsetDelta + 1;
  }
}

export function noOffset(error: ErrorName, reason?: string): ListedOffset {
  return { error, reason, offset: NO_OFFSET, timestamp: -1, leaderEpoch: -1 };
}
