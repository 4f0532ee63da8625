import { apply } from '../../../lib/journal/apply.ts';
import type { BatchMeta, Entry, MarkersEntry, RecordsEntry, SealEntry } from '../../../lib/journal/entry.ts';
import type { SegmentPart } from '../../../lib/journal/segment-part.ts';
import { emptyView, type JournalView, type PartitionView } from '../../../lib/journal/view.ts';
import { sealOf } from '../../support/seal-of.ts';

/** A view that entries are put into by hand, beginning with slot 0. */
export class Fold {
  readonly view: JournalView = emptyView('topic/0');
  /** By slot. */
  readonly entries: Entry[] = [];
  /** Of the entries to come, ms. */
  time = 1_000;

  constructor() {
    this.push({ kind: 'leaderChange', time: this.time, leaderEpoch: 0, leader: 0 });
  }

  push(entry: Entry, size = 100): void {
    apply(this.view, this.view.seq + 1, entry, size);
    this.entries.push(entry);
  }

  partition(partition = 0): PartitionView {
    return this.view.partitions.get(partition)!;
  }

  /** One entry of batches that follow on. */
  records(batches: readonly Partial<BatchMeta>[], size = 100): void {
    const next = new Map<number, number>();
    const laid = batches.map((fields) => {
      const partition = fields.partition ?? 0;
      const baseOffset = next.get(partition) ?? this.view.partitions.get(partition)?.nextOffset ?? 0;
      next.set(partition, baseOffset + (fields.lastOffsetDelta ?? 0) + 1);
      return meta({ ...fields, partition, baseOffset });
    });
    this.push(recordsEntry(this.time, laid), size);
  }

  /** A batch of an idempotent or transactional producer. */
  from(producerId: number, baseSequence: number, fields: Partial<BatchMeta> = {}): void {
    this.records([{ producerId, producerEpoch: 0, baseSequence, ...fields }]);
  }

  /** The end of a transaction, in these partitions. */
  end(producerId: number, commit: boolean, partitions: readonly number[] = [0], producerEpoch = 0): void {
    const batches = partitions.map((partition) =>
      meta({
        partition,
        baseOffset: this.view.partitions.get(partition)?.nextOffset ?? 0,
        producerId,
        producerEpoch,
        transactional: true,
        control: true,
      }),
    );
    const payload = { kind: 'inline', bytes: Buffer.alloc(0) } as const;
    const entry: MarkersEntry = {
      kind: 'markers',
      time: this.time,
      producerId,
      producerEpoch,
      commit,
      batches,
      payload,
    };
    this.push(entry);
  }

  /** Seals the slots up to `toSeq`, with `fields` instead of what the entries hold. */
  seal(toSeq = this.view.seq, fields: Partial<SealEntry> = {}, size = 100): void {
    this.push({ ...sealOf(this.view, (seq) => this.entries[seq]!, toSeq, this.time), ...fields }, size);
  }

  leader(leaderEpoch: number): void {
    this.push({ kind: 'leaderChange', time: this.time, leaderEpoch, leader: 1 });
  }

  start(...offsets: number[]): void {
    const starts = offsets.map((offset, partition) => ({ partition, offset }));
    this.push({ kind: 'logStart', time: this.time, starts });
  }
}

export function meta(fields: Partial<BatchMeta>): BatchMeta {
  return {
    partition: 0,
    baseOffset: 0,
    lastOffsetDelta: 0,
    maxTimestamp: 10,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    transactional: false,
    control: false,
    position: 0,
    size: 0,
    ...fields,
  };
}

export function recordsEntry(time: number, batches: readonly BatchMeta[]): RecordsEntry {
  return { kind: 'records', time, batches, payload: { kind: 'inline', bytes: Buffer.alloc(0) } };
}

/** A part of a segment set. The engine never reads the object that it describes. */
export function part(fields: Partial<SegmentPart>): SegmentPart {
  return {
    partition: 0,
    baseOffset: 0,
    nextOffset: 1,
    maxTimestamp: 6,
    maxTimestampOffset: fields.baseOffset ?? 0,
    log: { start: 2, length: 512 },
    index: { start: 514, length: 12 },
    offsetIndexBytes: 8,
    timeIndexBytes: 4,
    indexCrc: 0xebd9d717,
    ...fields,
  };
}
