import type { Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { entriesFrom, type PartitionView } from '../journal/view.ts';
import { type BatchView, isControl, splitBatches } from '../records/batch.ts';
import { findByTimestamp, findMaxTimestamp, type OffsetAndTimestamp } from '../records/timestamps.ts';
import type { SegmentReader } from '../segments/segment-reader.ts';
import type { SegmentRange } from '../segments/segment-search.ts';
import type { HistoryPart } from '../segments/segment-source.ts';
import { topicIdOf } from '../storage/items/journal-entry.ts';
import { lookInside } from './look-inside.ts';

// ListOffsets over the offsets that are read from segments. All functions throw
// StoreUnavailableError, MalformedBytesError and UnreadableBatchError.

/** The offsets from the log start up to `end` that are read from segments; undefined if none are. */
export function sealedOffsets(open: OpenJournal, partition: PartitionView, end: Offset): SegmentRange | undefined {
  const from = partition.logStartOffset;
  const to = Math.min(entriesFrom(partition), end);
  if (from >= to) return undefined;
  return { topicId: topicIdOf(open.journal.id), partition: partition.partition, from, to };
}

/** The first record whose timestamp is at least `timestamp` (ms). */
export async function firstSealed(
  open: OpenJournal,
  segments: SegmentReader,
  range: SegmentRange,
  timestamp: number,
): Promise<OffsetAndTimestamp | undefined> {
  for (let from = range.from; from < range.to; ) {
    const offsets = await segments.offsetsByTime({ ...range, from }, timestamp);
    if (offsets === undefined) return undefined;
    for await (const { header, bytes } of segments.batches(offsets)) {
      if (isControl(header.attributes) || header.maxTimestamp < timestamp) continue;
      const found = await lookInside(open, header.baseOffset, (next) =>
        findByTimestamp(bytes, timestamp, next, range.from),
      );
      if (found !== undefined) return found;
    }
    from = offsets.to;
  }
  return undefined;
}

/**
 * The record with the largest timestamp, the first one of several. Only the segment with it is read
 * if its newest batch has it.
 */
export async function newestSealed(
  open: OpenJournal,
  segments: SegmentReader,
  range: SegmentRange,
): Promise<OffsetAndTimestamp | undefined> {
  let best: OffsetAndTimestamp | undefined;
  for await (const part of segments.partsDown(range)) {
    if (part.maxTimestamp < (best?.timestamp ?? 0)) continue;
    const found = await newestIn(open, segments, range, part);
    if (found !== undefined && found.timestamp >= (best?.timestamp ?? 0)) best = found;
  }
  return best;
}

async function newestIn(
  open: OpenJournal,
  segments: SegmentReader,
  range: SegmentRange,
  part: HistoryPart,
): Promise<OffsetAndTimestamp | undefined> {
  const newest = await newestAt(open, segments, range, part.maxTimestampOffset, part.maxTimestamp);
  if (newest !== undefined) return newest;
  // A log start or the last stable offset lies in the segment, or the batch is a marker.
  let best: OffsetAndTimestamp | undefined;
  const offsets = { ...range, from: Math.max(range.from, part.baseOffset), to: Math.min(range.to, part.nextOffset) };
  for await (const batch of segments.batches(offsets)) {
    if (isControl(batch.header.attributes) || batch.header.maxTimestamp <= (best?.timestamp ?? -1)) continue;
    best = (await newestInside(open, batch)) ?? best;
  }
  return best;
}

/**
 * The newest record of the batch at an offset; undefined if no batch of clients' records with this
 * largest timestamp begins there.
 */
export async function newestAt(
  open: OpenJournal,
  segments: SegmentReader,
  { topicId, partition, from, to }: SegmentRange,
  offset: Offset,
  timestamp: number,
): Promise<OffsetAndTimestamp | undefined> {
  if (offset < from || offset >= to) return undefined;
  const { runs } = await segments.read({ topicId, partition, from: offset, to }, 1);
  for (const batch of runs.flatMap(({ bytes }) => splitBatches(bytes))) {
    const { baseOffset, attributes, maxTimestamp } = batch.header;
    if (baseOffset !== offset || isControl(attributes) || maxTimestamp !== timestamp) return undefined;
    return newestInside(open, batch);
  }
  return undefined;
}

function newestInside(open: OpenJournal, { header, bytes }: BatchView): Promise<OffsetAndTimestamp | undefined> {
  return lookInside(open, header.baseOffset, (next) => findMaxTimestamp(bytes, next));
}
