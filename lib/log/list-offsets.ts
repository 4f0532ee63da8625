import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { readBatches } from '../journal/read.ts';
import { emptyPartition, entriesFrom, lastStableOffset, type PartitionView } from '../journal/view.ts';
import { NO_TIMESTAMP } from '../records/batch.ts';
import { findByTimestamp, findMaxTimestamp, type OffsetAndTimestamp } from '../records/timestamps.ts';
import type { SegmentReader } from '../segments/segment-reader.ts';
import { epochProblem } from './leader-epoch.ts';
import { firstSealed, newestAt, newestSealed, sealedOffsets } from './list-sealed.ts';
import { lookInside, UnreadableBatchError } from './look-inside.ts';
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
  segments: SegmentReader,
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
      return at(partition.logStartOffset, -1);
    // Segments are Kafka's tiered storage (KIP-405), and the journal's entries its local log.
    case 'earliestLocal':
      return at(Math.max(partition.logStartOffset, entriesFrom(partition)), -1);
    case 'latestTiered':
      return partition.sealedOffset === 0 ? noOffset('NONE') : at(partition.sealedOffset - 1, -1);
    case 'earliestPendingUpload':
      // As for a topic without tiered storage before the first seal (KIP-1023).
      if (partition.sealedOffset === 0) return noOffset('NONE');
      return at(Math.max(partition.logStartOffset, partition.sealedOffset), -1);
    case 'maxTimestamp':
      return foundBy(newestRecord(open, segments, partition, end));
    default:
      return foundBy(firstAtOrAfter(open, segments, partition, position, end));
  }
}

type Found = OffsetAndTimestamp;

/** If no record has a timestamp, the answer is the first record. */
async function newestRecord(
  open: OpenJournal,
  segments: SegmentReader,
  partition: PartitionView,
  end: Offset,
): Promise<Found | undefined> {
  if (end <= partition.logStartOffset) return undefined;
  const newest = await newestWithTime(open, segments, partition, end);
  return newest ?? { offset: partition.logStartOffset, timestamp: NO_TIMESTAMP };
}

async function newestWithTime(
  open: OpenJournal,
  segments: SegmentReader,
  partition: PartitionView,
  end: Offset,
): Promise<Found | undefined> {
  const { maxTimestamp, maxTimestampOffset } = partition;
  if (maxTimestampOffset < partition.logStartOffset || maxTimestampOffset >= end) {
    return newestByScan(open, segments, partition, end);
  }
  const sealed = sealedOffsets(open, partition, end);
  if (sealed !== undefined && maxTimestampOffset < sealed.to) {
    const found = await newestAt(open, segments, sealed, maxTimestampOffset, maxTimestamp);
    // Compaction may have removed the record.
    return found ?? newestByScan(open, segments, partition, end);
  }
  const range = { partition: partition.partition, from: maxTimestampOffset, to: end };
  const [batch] = await readBatches(open.journal, { ...range, maxBytes: 1, atLeastOne: true });
  return batch && lookInside(open, batch.meta.baseOffset, (next) => findMaxTimestamp(batch.bytes, next));
}

/** Looks at every batch or segment of the range. Needed if the remembered maximum is not in it. */
async function newestByScan(
  open: OpenJournal,
  segments: SegmentReader,
  partition: PartitionView,
  end: Offset,
): Promise<Found | undefined> {
  const sealed = sealedOffsets(open, partition, end);
  let best = sealed && (await newestSealed(open, segments, sealed));
  for await (const { meta, bytes } of batchesFrom(open, partition, partition.logStartOffset, end)) {
    if (meta.control || meta.maxTimestamp <= (best?.timestamp ?? -1)) continue;
    best = (await lookInside(open, meta.baseOffset, (next) => findMaxTimestamp(bytes, next))) ?? best;
  }
  return best;
}

async function firstAtOrAfter(
  open: OpenJournal,
  segments: SegmentReader,
  partition: PartitionView,
  timestamp: number,
  end: Offset,
): Promise<Found | undefined> {
  if (partition.maxTimestamp < timestamp) return undefined;
  const sealed = sealedOffsets(open, partition, end);
  const old = sealed && (await firstSealed(open, segments, sealed, timestamp));
  if (old !== undefined) return old.offset < end ? old : undefined;
  const block = partition.blocks.find((row) => row.maxTimestamp >= timestamp);
  const recent = partition.recent.find((row) => row.maxTimestamp >= timestamp);
  const start = block?.baseOffset ?? recent?.baseOffset;
  if (start === undefined) return undefined;
  for await (const { meta, bytes } of batchesFrom(open, partition, Math.max(start, partition.logStartOffset), end)) {
    if (meta.control || meta.maxTimestamp < timestamp) continue;
    const found = await lookInside(open, meta.baseOffset, (next) =>
      findByTimestamp(bytes, timestamp, next, partition.logStartOffset),
    );
    if (found !== undefined) return found.offset < end ? found : undefined;
  }
  return undefined;
}

/** The batches that are read from entries. */
async function* batchesFrom(open: OpenJournal, partition: PartitionView, from: Offset, to: Offset) {
  let next = Math.max(from, entriesFrom(partition));
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
