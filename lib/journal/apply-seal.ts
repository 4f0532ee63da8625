import { assert } from '../core/assert.ts';
import type { Offset } from '../core/offset.ts';
import type { LogStart, LogStartEntry, ReplaceEntry, SealEntry } from './entry.ts';
import type { ImportEntry } from './import-entry.ts';
import type { SegmentPart } from './segment-part.ts';
import { emptyPartition, type JournalView, type PartitionView } from './view.ts';

/**
 * Moves the sealed history up to the end of a seal. The view keeps the index of the span that the
 * seal covers, which is still read from entries, and drops the index of what was sealed before.
 */
export function applySeal(view: JournalView, seq: number, entry: SealEntry): void {
  assertSealFits(view, entry);
  const trimmableSeq = view.sealedSeq;
  const parts = new Map(entry.parts.map((part) => [part.partition, part]));
  for (const partition of view.partitions.values()) {
    partition.entriesOffset = partition.sealedOffset;
    const part = parts.get(partition.partition);
    if (part !== undefined) {
      addPart(partition, part);
      endHot(partition, part.log.length);
    }
    dropRows(view, partition, trimmableSeq);
    // The transaction indexes of the segments have the others.
    partition.aborted = partition.aborted.filter((range) => range.lastOffset >= partition.entriesOffset);
  }
  for (const { partition, bytes } of entry.leftOut ?? []) endHot(view.partitions.get(partition)!, bytes);
  endSeal(view, seq, entry);
}

/** Makes the entry in slot `seq` the newest seal of the journal. */
export function endSeal(view: JournalView, seq: number, entry: SealEntry | ImportEntry): void {
  const { fromSeq, toSeq, toTime, key, time, parts } = entry;
  view.lastSeal = { seq, fromSeq, toSeq, key, time, parts };
  view.trimmableSeq = view.sealedSeq;
  view.trimmableTime = view.sealedTime;
  view.sealedSeq = toSeq;
  view.sealedTime = toTime;
  view.hotBytes = 0;
  view.hotSince = -1;
  for (const partition of view.partitions.values()) {
    view.hotBytes += partition.hotBytes;
    if (partition.nextOffset > partition.sealedOffset) view.hotSince = toTime;
  }
}

/** Counts the new segments in place of the old ones. */
export function applyReplace(view: JournalView, seq: number, entry: ReplaceEntry): void {
  assertReplaceFits(view, entry);
  const partition = view.partitions.get(entry.partition)!;
  partition.segments += entry.parts.length - entry.removedSegments;
  partition.sealedBytes += logBytes(entry.parts) - entry.removedBytes;
  partition.replacedSeq = seq;
}

/** Stops counting the segments below a log start. */
export function applySegmentCounts(partition: PartitionView, start: LogStart): void {
  if (start.segmentsFrom === undefined) return;
  assertCountsFit(partition, start);
  partition.segmentsFrom = start.segmentsFrom;
  partition.segments -= start.segments ?? 0;
  partition.sealedBytes -= start.bytes ?? 0;
}

/**
 * Checks that a seal continues the sealed history (rule R12): its slots follow those of the seal
 * before it, and each part has exactly the offsets that these slots hold.
 */
export function assertSealFits(view: JournalView, { fromSeq, toSeq, toTime, parts, leftOut }: SealEntry): void {
  const { journal, sealedSeq } = view;
  assert(fromSeq === sealedSeq + 1, `a seal of journal ${journal} begins at slot ${fromSeq}, not ${sealedSeq + 1}`);
  assert(toSeq >= fromSeq && toSeq <= view.seq, `a seal of journal ${journal} ends at slot ${toSeq} of ${view.seq}`);
  assert(
    toTime >= view.sealedTime && toTime <= view.time,
    `slot ${toSeq} of journal ${journal} cannot have the time ${toTime}`,
  );
  const ends = new Map<number, Offset>();
  let last = -1;
  for (const { partition: number, baseOffset, nextOffset } of parts) {
    const partition = view.partitions.get(number) ?? emptyPartition(number);
    assert(number > last, `a seal of journal ${journal} has partition ${number} after ${last}`);
    assert(
      baseOffset === partition.sealedOffset,
      `a seal of partition ${number} begins at ${baseOffset}, not ${partition.sealedOffset}`,
    );
    assert(
      nextOffset > baseOffset && nextOffset <= partition.nextOffset,
      `a seal of partition ${number} cannot go from ${baseOffset} to ${nextOffset}`,
    );
    ends.set(number, nextOffset);
    last = number;
  }
  for (const { partition } of leftOut ?? []) {
    assert(ends.has(partition), `a seal leaves out batches of partition ${partition}, of which it has no part`);
  }
  for (const partition of view.partitions.values()) {
    assertEndsAt(view, partition, ends.get(partition.partition) ?? partition.sealedOffset, toSeq);
  }
}

/**
 * Checks by the index that the batches up to slot `toSeq` are those below offset `end`. The index
 * has no rows for the batches within a block.
 */
function assertEndsAt(
  view: JournalView,
  { partition, blocks, recent }: PartitionView,
  end: Offset,
  toSeq: number,
): void {
  // `dropRows` makes rows of this slot, which may be before that of their first batch.
  const cutSeq = view.trimmableSeq + 1;
  for (const { seq, baseOffset } of [...blocks, ...recent]) {
    const isWrong = seq > toSeq ? baseOffset < end : baseOffset >= end && seq !== cutSeq;
    assert(
      !isWrong,
      `a seal of partition ${partition} ends at slot ${toSeq}, offset ${end}: ${baseOffset} is in ${seq}`,
    );
  }
}

/** Checks that a replacement covers sealed offsets that still count, without a gap. */
export function assertReplaceFits(view: JournalView, entry: ReplaceEntry): void {
  const { partition: number, baseOffset, nextOffset, parts, removedSegments, removedBytes } = entry;
  const partition = view.partitions.get(number) ?? emptyPartition(number);
  const what = `a replacement of offsets ${baseOffset} to ${nextOffset} of partition ${number}`;
  assert(baseOffset >= partition.segmentsFrom && nextOffset <= partition.sealedOffset, `${what} is not in segments`);
  let next = baseOffset;
  for (const part of parts) {
    const follows = part.partition === number && part.baseOffset === next && part.nextOffset > next;
    assert(follows, `${what} goes on with offset ${part.baseOffset} of partition ${part.partition} after ${next}`);
    next = part.nextOffset;
  }
  assert(parts.length > 0 && next === nextOffset, `${what} ends at ${next}`);
  assert(
    removedSegments > 0 && removedSegments <= partition.segments && removedBytes <= partition.sealedBytes,
    `${what} removes ${removedSegments} of ${partition.segments} segments`,
  );
}

/** Checks that the counts of log starts fit their partitions. */
export function assertStartsFit(view: JournalView, { starts }: LogStartEntry): void {
  for (const start of starts) {
    assertCountsFit(view.partitions.get(start.partition) ?? emptyPartition(start.partition), start);
  }
}

function assertCountsFit(partition: PartitionView, start: LogStart): void {
  const { offset, segmentsFrom, segments = 0, bytes = 0 } = start;
  if (segmentsFrom === undefined) return;
  assert(
    segmentsFrom >= partition.segmentsFrom && segmentsFrom <= Math.min(offset, partition.sealedOffset),
    `segments of partition ${start.partition} cannot count from ${segmentsFrom}: the log starts at ${offset}`,
  );
  assert(
    segments <= partition.segments && bytes <= partition.sealedBytes,
    `${segments} of ${partition.segments} segments of partition ${start.partition} cannot end`,
  );
}

/** Counts the part that continues the sealed history. */
export function addPart(partition: PartitionView, part: SegmentPart): void {
  partition.sealedOffset = part.nextOffset;
  partition.segments += 1;
  partition.sealedBytes += part.log.length;
}

function endHot(partition: PartitionView, bytes: number): void {
  // A view from a checkpoint of format 1 has counted only the batches after the checkpoint.
  const isAllSealed = partition.sealedOffset === partition.nextOffset;
  partition.hotBytes = isAllSealed ? 0 : Math.max(0, partition.hotBytes - bytes);
}

/**
 * Drops the rows of the slots up to `trimmableSeq`. Of a block that begins there and ends later, a
 * row remains for the offsets from `entriesOffset` on.
 */
function dropRows(view: JournalView, partition: PartitionView, trimmableSeq: number): void {
  const { blocks, entriesOffset } = partition;
  partition.recent = partition.recent.filter((row) => row.seq > trimmableSeq);
  const dropped = blocks.filter((row) => row.seq <= trimmableSeq);
  const kept = blocks.slice(dropped.length);
  const next = kept[0]?.baseOffset ?? partition.recent[0]?.baseOffset ?? partition.nextOffset;
  const cut = dropped.at(-1);
  if (cut !== undefined && entriesOffset < next) {
    kept.unshift({ baseOffset: entriesOffset, maxTimestamp: cut.maxTimestamp, seq: trimmableSeq + 1 });
  }
  view.blockRows += kept.length - blocks.length;
  partition.blocks = kept;
}

function logBytes(parts: readonly SegmentPart[]): number {
  return parts.reduce((sum, { log }) => sum + log.length, 0);
}
