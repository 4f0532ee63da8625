import { assert } from '../core/assert.ts';
import { MAX_OFFSET } from '../core/offset.ts';
import { addPart, endSeal } from './apply-seal.ts';
import type { ImportEntry, ImportedPartition } from './import-entry.ts';
import type { SegmentPart } from './segment-part.ts';
import { type JournalView, type PartitionView, partitionOf } from './view.ts';

/** Continues the sealed history with segments of Kafka's log files. */
export function applyImport(view: JournalView, seq: number, entry: ImportEntry): void {
  assertImportFits(view, entry);
  for (const imported of entry.partitions) begin(partitionOf(view, imported.partition), imported);
  for (const partition of view.partitions.values()) partition.entriesOffset = partition.sealedOffset;
  for (const part of entry.parts) addImported(partitionOf(view, part.partition), part);
  for (const { partition: number, epochs, openTransactions, producers } of entry.partitions) {
    const partition = partitionOf(view, number);
    partition.epochs.push(...epochs);
    partition.openTransactions = new Map(openTransactions);
    for (const [producerId, state] of producers) partition.producers.set(producerId, state);
  }
  endSeal(view, seq, entry);
}

function begin(partition: PartitionView, { start }: ImportedPartition): void {
  if (start === undefined) return;
  const { baseOffset, logStartOffset } = start;
  partition.logStartOffset = logStartOffset;
  partition.nextOffset = baseOffset;
  partition.sealedOffset = baseOffset;
  partition.segmentsFrom = baseOffset;
}

function addImported(partition: PartitionView, part: SegmentPart): void {
  partition.nextOffset = part.nextOffset;
  if (part.maxTimestamp > partition.maxTimestamp) {
    partition.maxTimestamp = part.maxTimestamp;
    partition.maxTimestampOffset = part.maxTimestampOffset;
  }
  addPart(partition, part);
}

/**
 * Checks that an import continues the sealed history, of a journal without batches in entries, and
 * that what it says of a partition fits what earlier ones said.
 */
export function assertImportFits(view: JournalView, entry: ImportEntry): void {
  const { fromSeq, toSeq, toTime, parts, partitions } = entry;
  const check = (fits: boolean, what: string) => {
    if (!fits) assert(false, `an import into journal ${view.journal} ${what}`);
  };
  const isNext = fromSeq === view.sealedSeq + 1 && toSeq === view.seq && toTime === view.time;
  check(isNext, `goes from slot ${fromSeq} to ${toSeq}`);
  check(view.hotSince === -1, 'follows batches that are not sealed');
  const begins = new Map<number, number>();
  let last = -1;
  for (const { partition: number, start, epochs } of partitions) {
    const partition = view.partitions.get(number);
    check(number > last, `has partition ${number} after ${last}`);
    check((partition === undefined) === (start !== undefined), `begins partition ${number} twice, or never`);
    const { baseOffset, logStartOffset } = start ?? { baseOffset: partition!.nextOffset, logStartOffset: MAX_OFFSET };
    check(logStartOffset >= baseOffset, `starts partition ${number} at ${logStartOffset}`);
    begins.set(number, baseOffset);
    last = number;
    let before = partition?.epochs.at(-1) ?? { epoch: -1, startOffset: -1 };
    for (const next of epochs) {
      const { epoch, startOffset } = next;
      const isLater = epoch > before.epoch && startOffset > before.startOffset;
      check(isLater && epoch <= view.leaderEpoch, `begins epoch ${epoch} at ${startOffset}`);
      before = next;
    }
  }
  last = -1;
  for (const { partition, baseOffset, nextOffset } of parts) {
    const begin = begins.get(partition);
    const follows = partition > last && baseOffset === begin && nextOffset > baseOffset;
    check(follows, `goes from ${baseOffset} to ${nextOffset} of partition ${partition}, after ${begin}`);
    last = partition;
  }
}
