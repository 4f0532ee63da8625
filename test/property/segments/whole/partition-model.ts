import type { Producer } from './steps.ts';

export interface ModelRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
}

interface Kept extends ModelRecord {
  /** `open`: of a transaction that has not ended. */
  state: 'plain' | 'open' | 'committed' | 'aborted';
  readonly producer: Producer | undefined;
  /** When a tombstone that compaction has kept may go; ms. */
  horizon: number | undefined;
}

/** A batch as it was written. */
export interface ModelBatch {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly bytes: number;
}

/** One partition as a list in memory: what was written, without what was deleted or compacted since. */
export class PartitionModel {
  logStart = 0;
  nextOffset = 0;
  /** Offsets below it are in segments, and those below `entriesFrom` are read from there. */
  sealedTo = 0;
  entriesFrom = 0;
  /** Compaction has cleaned the offsets below it. */
  cleanTo = 0;
  /** The largest timestamp that any batch has had. */
  maxTimestamp = -1;
  readonly batches: ModelBatch[] = [];
  #records: Kept[] = [];
  readonly #open = new Map<Producer, number>();

  append(
    records: readonly Omit<ModelRecord, 'offset'>[],
    bytes: number,
    producer: Producer | undefined,
    isTransactional: boolean,
  ): void {
    const baseOffset = this.nextOffset;
    for (const [index, record] of records.entries()) {
      const state = isTransactional ? 'open' : 'plain';
      this.#records.push({ ...record, offset: baseOffset + index, state, producer, horizon: undefined });
      this.maxTimestamp = Math.max(this.maxTimestamp, record.timestamp);
    }
    if (isTransactional && !this.#open.has(producer!)) this.#open.set(producer!, baseOffset);
    this.#appended(baseOffset + records.length, bytes);
  }

  /** The marker that ends a transaction takes an offset of its own. */
  end(producer: Producer, commit: boolean, timestamp: number, bytes: number): void {
    for (const record of this.#records) {
      if (record.producer === producer && record.state === 'open') record.state = commit ? 'committed' : 'aborted';
    }
    this.#open.delete(producer);
    this.maxTimestamp = Math.max(this.maxTimestamp, timestamp);
    this.#appended(this.nextOffset + 1, bytes);
  }

  #appended(nextOffset: number, bytes: number): void {
    this.batches.push({ baseOffset: this.nextOffset, nextOffset, bytes });
    this.nextOffset = nextOffset;
  }

  hasOpen(producer: Producer): boolean {
    return this.#open.has(producer);
  }

  /**
   * Aborts the open transactions as an import does, in the order in which they began: those of which a
   * batch is there. Nothing tells of the others any more.
   */
  abortOpen(timestamp: number, bytes: number): void {
    const [first] = this.batches.filter(({ nextOffset }) => nextOffset > this.logStart);
    const begins = (producer: Producer) =>
      this.#records.find(
        (one) =>
          one.state === 'open' && one.producer === producer && one.offset >= (first?.baseOffset ?? this.nextOffset),
      )?.offset;
    const open = [...this.#open.keys()].map((producer) => ({ producer, begin: begins(producer) }));
    for (const { producer, begin } of open) if (begin === undefined) this.#open.delete(producer);
    const left = open.filter(({ begin }) => begin !== undefined).sort((a, b) => a.begin! - b.begin!);
    for (const { producer } of left) this.end(producer, false, timestamp, bytes);
  }

  get lastStableOffset(): number {
    return Math.max(this.logStart, Math.min(this.nextOffset, ...this.#open.values()));
  }

  /**
   * A pass of compaction over the offsets below `cleanTo`. Up to `rewrittenTo` batches are rewritten:
   * there only aborted records go.
   */
  compact(cleanTo: number, rewrittenTo: number, now: number, deleteRetentionMs: number): void {
    const newest = new Map<string, number>();
    for (const { key, offset, state } of this.#records) {
      if (offset < cleanTo && state !== 'aborted') newest.set(key!, offset);
    }
    this.#records = this.#records.filter(({ offset, key, value, state, horizon }) => {
      if (state === 'aborted' && offset < rewrittenTo) return false;
      if (offset >= cleanTo) return true;
      if (newest.get(key!)! > offset) return false;
      return value !== null || horizon === undefined || horizon > now;
    });
    for (const record of this.#records) {
      if (record.offset < rewrittenTo && record.value === null) record.horizon ??= now + deleteRetentionMs;
    }
    this.cleanTo = Math.max(this.cleanTo, cleanTo);
  }

  /** The data records from `from` on, aborted ones included. */
  written(from: number): ModelRecord[] {
    return this.#records.filter(({ offset }) => offset >= Math.max(from, this.logStart)).map(plain);
  }

  /** Those that read_committed sees. */
  committed(from: number): ModelRecord[] {
    const end = this.lastStableOffset;
    return this.#records
      .filter(({ offset, state }) => offset >= Math.max(from, this.logStart) && offset < end && state !== 'aborted')
      .map(plain);
  }

  /** The first record of at least this timestamp below `end`. */
  firstAt(timestamp: number, end: number): ModelRecord | undefined {
    const found = this.written(0).find((record) => record.timestamp >= timestamp);
    return found !== undefined && found.offset < end ? found : undefined;
  }
}

function plain({ offset, key, value, timestamp }: Kept): ModelRecord {
  return { offset, key, value, timestamp };
}
