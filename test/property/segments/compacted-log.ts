import { isControl, isTransactional, lastOffset, readBatchHeader } from '../../../lib/records/batch.ts';
import type { CodecId } from '../../../lib/records/compression/codec.ts';
import { encodeControlBatch, type MarkerType, readControlBatch } from '../../../lib/records/control.ts';
import { encodeBatch, type RecordInput } from '../../../lib/records/encode.ts';
import { iterateRecords, type Record } from '../../../lib/records/record.ts';
import { cleanBatch, type LastOfProducer } from '../../../lib/segments/clean/clean-batch.ts';
import { cleanableSegments } from '../../../lib/segments/clean/cleanable.ts';
import { groupSegments } from '../../../lib/segments/clean/group-segments.ts';
import { mapBatch } from '../../../lib/segments/clean/map-batch.ts';
import { OffsetMap } from '../../../lib/segments/clean/offset-map.ts';
import { PassedTransactions } from '../../../lib/segments/clean/transactions.ts';
import type { AbortedTransaction } from '../../../lib/segments/format/transaction-index.ts';

export interface SegmentInMemory {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly batches: readonly Buffer[];
  readonly aborted: readonly AbortedTransaction[];
  readonly bytes: number;
  readonly maxTimestamp: number;
  readonly isClean: boolean;
}

export interface Pass {
  readonly now: number;
  readonly deleteRetentionMs: number;
  readonly mapBytes: number;
  readonly loadFactor?: number;
  readonly groupBytes: number;
}

interface ProducerState extends LastOfProducer {
  readonly nextSequence: number;
  readonly transactionStart: number;
}

/** One partition's log in memory, with the shell of compaction reduced to loops over arrays. */
export class CompactedLog {
  nextOffset = 0;
  segments: SegmentInMemory[] = [];
  #open: Buffer[] = [];
  #openBase = 0;
  #openAborted: AbortedTransaction[] = [];
  readonly producers = new Map<number, ProducerState>();

  /** A batch of a producer; -1 for one without an id. */
  append(
    records: readonly Omit<RecordInput, 'offset'>[],
    producerId: number,
    transactional: boolean,
    codec: CodecId,
  ): void {
    const state = this.producers.get(producerId) ?? fresh();
    this.#push(
      encodeBatch(records, {
        baseOffset: this.nextOffset,
        partitionLeaderEpoch: 3,
        codec,
        ...(producerId >= 0 && { producerId, producerEpoch: state.epoch, baseSequence: state.nextSequence }),
        isTransactional: transactional,
      }),
    );
    if (producerId < 0) return;
    this.producers.set(producerId, {
      epoch: state.epoch,
      lastDataOffset: this.nextOffset - 1,
      nextSequence: state.nextSequence + records.length,
      transactionStart:
        transactional && state.transactionStart < 0 ? this.nextOffset - records.length : state.transactionStart,
    });
  }

  /** Ends the producer's transaction if it has one. */
  end(producerId: number, type: MarkerType, timestamp: number, bumps: boolean): void {
    const state = this.producers.get(producerId);
    if (state === undefined || state.transactionStart < 0) return;
    const epoch = state.epoch + (bumps ? 1 : 0);
    const baseOffset = this.nextOffset;
    this.#push(
      encodeControlBatch({ type, producerId, producerEpoch: epoch, coordinatorEpoch: 0, timestamp, baseOffset }),
    );
    this.producers.set(producerId, {
      epoch,
      lastDataOffset: bumps ? -1 : state.lastDataOffset,
      nextSequence: bumps ? 0 : state.nextSequence,
      transactionStart: -1,
    });
    if (type === 'commit') return;
    const firstOffset = state.transactionStart;
    this.#openAborted.push({
      producerId,
      firstOffset,
      lastOffset: baseOffset,
      lastStableOffset: this.lastStableOffset,
    });
  }

  get lastStableOffset(): number {
    const open = [...this.producers.values()].map((state) => state.transactionStart).filter((first) => first >= 0);
    return Math.min(this.nextOffset, ...open);
  }

  /** Ends the segment that is being written. */
  roll(): void {
    if (this.#open.length === 0) return;
    this.segments.push(segmentOf(this.#open, this.#openBase, this.nextOffset, this.#openAborted, false));
    this.#open = [];
    this.#openBase = this.nextOffset;
    this.#openAborted = [];
  }

  get batches(): Buffer[] {
    return [...this.segments.flatMap((segment) => segment.batches), ...this.#open];
  }

  get aborted(): AbortedTransaction[] {
    return [...this.segments.flatMap((segment) => segment.aborted), ...this.#openAborted];
  }

  /** One pass; the offset up to which it cleaned, or undefined if nothing is dirty. */
  clean(pass: Pass): number | undefined {
    const cleanable = cleanableSegments(this.segments, this.lastStableOffset, 0, pass.now);
    if (cleanable === undefined) return undefined;
    const { firstDirty, end, uncleanableFrom } = cleanable;
    const map = new OffsetMap(pass.mapBytes, pass.loadFactor);
    const mapping = new PassedTransactions('somewhere');
    mapping.add(this.aborted);
    const dirty = this.segments.slice(firstDirty, end).flatMap((segment) => segment.batches);
    const isFull = dirty.some((batch) => mapBatch(map, mapping, batch, readBatchHeader(batch)) === 'full');
    const cleanTo = isFull ? map.latestOffset + 1 : uncleanableFrom;
    if (isFull && cleanTo <= this.segments[firstDirty]!.baseOffset) throw new Error('the map is too small for a batch');
    if (!isFull) map.latestOffset = uncleanableFrom - 1;

    const transactions = new PassedTransactions('start');
    transactions.add(this.aborted);
    const inputs = this.segments.slice(0, end).filter((segment) => segment.baseOffset < cleanTo);
    const { now, deleteRetentionMs } = pass;
    const cleaning = { map, transactions, now, deleteRetentionMs, producers: this.producers, uncleanableFrom };
    const outputs = groupSegments(inputs, pass.groupBytes).flatMap((group) => {
      const parts = [false, true].map(() => ({ batches: [] as Buffer[], aborted: [] as AbortedTransaction[] }));
      for (const batch of group.flatMap((segment) => segment.batches)) {
        const header = readBatchHeader(batch);
        const part = parts[header.baseOffset < cleanTo ? 0 : 1]!;
        const cleaned = cleanBatch(cleaning, batch, header);
        if (cleaned.bytes !== undefined) part.batches.push(cleaned.bytes);
        if (cleaned.aborted !== undefined) part.aborted.push(cleaned.aborted);
      }
      const [base, next] = [group[0]!.baseOffset, group.at(-1)!.nextOffset];
      const middle = Math.min(next, cleanTo);
      const clean = segmentOf(parts[0]!.batches, base, middle, parts[0]!.aborted, true);
      return middle === next ? [clean] : [clean, segmentOf(parts[1]!.batches, middle, next, parts[1]!.aborted, false)];
    });
    this.segments = [...outputs, ...this.segments.slice(inputs.length)];
    return cleanTo;
  }

  #push(batch: Buffer): void {
    this.#open.push(batch);
    this.nextOffset = lastOffset(readBatchHeader(batch)) + 1;
  }
}

function fresh(): ProducerState {
  return { epoch: 0, lastDataOffset: -1, nextSequence: 0, transactionStart: -1 };
}

function segmentOf(
  batches: readonly Buffer[],
  baseOffset: number,
  nextOffset: number,
  aborted: readonly AbortedTransaction[],
  isClean: boolean,
): SegmentInMemory {
  const bytes = batches.reduce((sum, batch) => sum + batch.length, 0);
  const maxTimestamp = Math.max(-1, ...batches.map((batch) => readBatchHeader(batch).maxTimestamp));
  return { baseOffset, nextOffset, batches, aborted, bytes, maxTimestamp, isClean };
}

/** All data records, aborted ones included. */
export function recordsOf(batches: readonly Buffer[]): Record[] {
  return batches.flatMap((batch) => (isControl(readBatchHeader(batch).attributes) ? [] : [...iterateRecords(batch)]));
}

/**
 * The records that a consumer with isolation level read_committed takes from these batches and this
 * list of aborted transactions, as the Java client does.
 */
export function committedOf(batches: readonly Buffer[], aborted: readonly AbortedTransaction[]): Record[] {
  const ahead = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const producers = new Set<number>();
  return batches.flatMap((batch) => {
    const header = readBatchHeader(batch);
    while (ahead.length > 0 && ahead[0]!.firstOffset <= lastOffset(header)) producers.add(ahead.shift()!.producerId);
    if (isControl(header.attributes)) {
      const control = readControlBatch(batch);
      if (control?.kind === 'marker' && control.type === 'abort') producers.delete(header.producerId);
      return [];
    }
    if (isTransactional(header.attributes) && producers.has(header.producerId)) return [];
    return [...iterateRecords(batch)];
  });
}

/** What a table built from these records holds: the newest value of each key. */
export function tableOf(records: readonly Record[]): Map<string, string> {
  const table = new Map<string, string>();
  for (const { key, value } of records) {
    if (key === null) continue;
    if (value === null) table.delete(key.toString());
    else table.set(key.toString(), value.toString());
  }
  return table;
}
