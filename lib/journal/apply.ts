import { assert } from '../core/assert.ts';
import { NO_OFFSET } from '../core/offset.ts';
import { applyImport } from './apply-import.ts';
import { applyReplace, applySeal, applySegmentCounts } from './apply-seal.ts';
import type { BatchMeta, Entry, LogStartEntry, MarkersEntry, RecordsEntry } from './entry.ts';
import { afterBatch, afterMarker, isForgotten } from './producers.ts';
import {
  BLOCK_BYTES,
  BLOCK_ENTRIES,
  BLOCK_ROWS_MAX,
  BLOCK_ROWS_MIN_PER_PARTITION,
  type BlockRow,
  type JournalView,
  lastStableOffset,
  type PartitionView,
  partitionOf,
} from './view.ts';

/**
 * Applies the entry in slot `seq` to the view, in place. Deterministic: no clock, no I/O, no
 * randomness.
 *
 * @param size bytes of the entry's body; they decide where blocks end
 */
export function apply(view: JournalView, seq: number, entry: Entry, size: number): void {
  assert(seq === view.seq + 1, `slot ${seq} cannot follow slot ${view.seq} of journal ${view.journal}`);
  assert(entry.time >= view.time, `time of journal ${view.journal} goes back at slot ${seq}`);
  assert(!view.closed, `journal ${view.journal} has an entry after its close`);
  switch (entry.kind) {
    case 'records':
      for (const batch of entry.batches) applyBatch(view, seq, batch, entry.time);
      countHot(view, entry);
      break;
    case 'markers':
      for (const batch of entry.batches) applyMarker(view, seq, entry, batch);
      countHot(view, entry);
      break;
    case 'leaderChange':
      assert(seq === 0 || entry.leaderEpoch > view.leaderEpoch, `leader epoch goes back at slot ${seq}`);
      view.leaderEpoch = entry.leaderEpoch;
      view.leader = entry.leader;
      break;
    case 'logStart':
      applyLogStart(view, entry);
      break;
    case 'seal':
      applySeal(view, seq, entry);
      break;
    case 'replace':
      applyReplace(view, seq, entry);
      break;
    case 'import':
      applyImport(view, seq, entry);
      break;
    case 'close':
      view.closed = true;
      break;
  }
  view.seq = seq;
  view.time = entry.time;
  view.blockEntries += 1;
  view.blockBytes += size;
  if (view.blockEntries >= BLOCK_ENTRIES || view.blockBytes >= BLOCK_BYTES) closeBlock(view);
}

function applyBatch(view: JournalView, seq: number, batch: BatchMeta, time: number): void {
  const partition = appendOffsets(view, seq, batch);
  if (batch.producerId < 0) return;
  const state = afterBatch(partition.producers.get(batch.producerId), batch, time);
  partition.producers.set(batch.producerId, state);
  if (state.transactionStart !== NO_OFFSET) partition.openTransactions.set(batch.producerId, state.transactionStart);
}

function applyMarker(view: JournalView, seq: number, marker: MarkersEntry, batch: BatchMeta): void {
  const partition = appendOffsets(view, seq, batch);
  const firstOffset = partition.openTransactions.get(marker.producerId);
  if (firstOffset !== undefined) {
    partition.openTransactions.delete(marker.producerId);
    if (!marker.commit) {
      partition.aborted.push({
        producerId: marker.producerId,
        firstOffset,
        lastOffset: batch.baseOffset,
        lastStableOffset: lastStableOffset(partition),
      });
    }
  }
  const state = afterMarker(partition.producers.get(marker.producerId), marker.producerEpoch, marker.time);
  partition.producers.set(marker.producerId, state);
}

function countHot(view: JournalView, { batches, time }: RecordsEntry | MarkersEntry): void {
  for (const { partition, size } of batches) {
    partitionOf(view, partition).hotBytes += size;
    view.hotBytes += size;
  }
  if (batches.length > 0 && view.hotSince === -1) view.hotSince = time;
}

function appendOffsets(view: JournalView, seq: number, batch: BatchMeta): PartitionView {
  const partition = partitionOf(view, batch.partition);
  assert(
    batch.baseOffset === partition.nextOffset,
    `partition ${batch.partition} of journal ${view.journal} continues at ${batch.baseOffset}, not ${partition.nextOffset}`,
  );
  if (partition.epochs.at(-1)?.epoch !== view.leaderEpoch) {
    partition.epochs.push({ epoch: view.leaderEpoch, startOffset: batch.baseOffset });
  }
  partition.nextOffset = batch.baseOffset + batch.lastOffsetDelta + 1;
  if (batch.maxTimestamp > partition.maxTimestamp) {
    partition.maxTimestamp = batch.maxTimestamp;
    partition.maxTimestampOffset = batch.baseOffset;
  }
  partition.recent.push({ baseOffset: batch.baseOffset, maxTimestamp: batch.maxTimestamp, seq });
  return partition;
}

function applyLogStart(view: JournalView, entry: LogStartEntry): void {
  for (const start of entry.starts) {
    const { partition: number, offset } = start;
    const partition = partitionOf(view, number);
    assert(offset <= partition.nextOffset, `log start ${offset} of partition ${number} is past its end`);
    applySegmentCounts(partition, start);
    if (offset <= partition.logStartOffset) continue;
    partition.logStartOffset = offset;
    partition.aborted = partition.aborted.filter((range) => range.lastOffset >= offset);
    const epoch = partition.epochs.findLastIndex((start) => start.startOffset <= offset);
    if (epoch > 0) partition.epochs = partition.epochs.slice(epoch);
    const row = partition.blocks.findLastIndex((block) => block.baseOffset <= offset);
    if (row > 0) {
      view.blockRows -= row;
      partition.blocks = partition.blocks.slice(row);
    }
  }
}

function closeBlock(view: JournalView): void {
  for (const partition of view.partitions.values()) {
    forgetSilentProducers(partition, view.time);
    const first = partition.recent[0];
    if (first === undefined) continue;
    let maxTimestamp = first.maxTimestamp;
    for (const row of partition.recent) if (row.maxTimestamp > maxTimestamp) maxTimestamp = row.maxTimestamp;
    partition.blocks.push({ baseOffset: first.baseOffset, maxTimestamp, seq: first.seq });
    partition.recent = [];
    view.blockRows += 1;
  }
  if (view.blockRows > BLOCK_ROWS_MAX) thinBlocks(view);
  view.blockEntries = 0;
  view.blockBytes = 0;
}

function forgetSilentProducers(partition: PartitionView, time: number): void {
  for (const [producerId, state] of partition.producers) {
    if (isForgotten(state, time)) partition.producers.delete(producerId);
  }
}

/**
 * Halves the index by merging neighbours: memory stays bounded, and a look-up reads a longer range.
 */
function thinBlocks(view: JournalView): void {
  for (const partition of view.partitions.values()) {
    if (partition.blocks.length <= BLOCK_ROWS_MIN_PER_PARTITION) continue;
    const joined: BlockRow[] = [];
    for (let index = 0; index < partition.blocks.length; index += 2) {
      const left = partition.blocks[index]!;
      const right = partition.blocks[index + 1];
      const maxTimestamp = Math.max(left.maxTimestamp, right?.maxTimestamp ?? left.maxTimestamp);
      joined.push({ baseOffset: left.baseOffset, maxTimestamp, seq: left.seq });
    }
    view.blockRows -= partition.blocks.length - joined.length;
    partition.blocks = joined;
  }
}
