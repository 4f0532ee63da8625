import { type LedgerBatch, type LedgerJournal, type LedgerPartition, stableEnd } from '../ledger.ts';
import { recordsOf } from './cleaned-batch.ts';
import type { Policy } from './policy.ts';

/** What one replacement may remove of a partition. */
export class Removal {
  readonly #partition: LedgerPartition;
  readonly #policy: Policy;
  /** Undefined for a merge. */
  readonly #cleanedAt: number | undefined;
  readonly #stableEnd: number;
  readonly #newest: ReadonlyMap<string, number>;

  constructor(journal: LedgerJournal, partition: LedgerPartition, policy: Policy, cleanedAt: number | undefined) {
    this.#partition = partition;
    this.#policy = policy;
    this.#cleanedAt = cleanedAt;
    this.#stableEnd = stableEnd(partition);
    const firstHot = partition.batches.find(({ seq }) => seq > journal.sealedSeq)?.base ?? partition.next;
    const oldEnough = (cleanedAt ?? 0) - policy.minLagMs;
    this.#newest = newestOfKeys(partition, Math.min(this.#stableEnd, firstHot), oldEnough);
  }

  /** Why a record must stay; undefined if it may go. */
  forbids(batch: LedgerBatch, offset: number, horizon: number | undefined): string | undefined {
    const { sent, transaction } = batch;
    if (offset < this.#partition.logStart) return undefined;
    if (!this.#policy.compacts || this.#cleanedAt === undefined) return 'nothing was to be compacted';
    if (offset >= this.#stableEnd) return `it is not below the last stable offset ${this.#stableEnd}`;
    const isPastHorizon = horizon !== undefined && horizon <= this.#cleanedAt;
    if (sent === undefined) {
      if (!this.#isEmpty(batch)) return 'it is the marker of a transaction that has records';
      return isPastHorizon ? undefined : `it is a marker, and stays until ${horizon}`;
    }
    const record = recordsOf(sent)[offset - batch.base]!;
    if (record.timestamp > this.#cleanedAt - this.#policy.minLagMs) return 'it is younger than min.compaction.lag.ms';
    if (transaction?.outcome === 'abort') return undefined;
    const newest = this.#newest.get(keyAt(batch, offset) ?? '');
    if (newest !== undefined && newest > offset) return undefined;
    if (record.value !== null) return `it is the newest of its key (${sent.id})`;
    return isPastHorizon ? undefined : `it is a tombstone, and stays until ${horizon}`;
  }

  /** Whether delete.retention.ms begins for a batch of which these offsets are kept. */
  getsHorizon(batch: LedgerBatch, kept: ReadonlySet<number>): boolean {
    const { sent } = batch;
    if (sent === undefined) return kept.has(batch.base) && this.#isEmpty(batch);
    return offsetsOf(batch).some((offset) => kept.has(offset) && recordsOf(sent)[offset - batch.base]!.value === null);
  }

  /** Whether nothing is left of the transaction that a marker ends. */
  #isEmpty({ transaction }: LedgerBatch): boolean {
    if (transaction === undefined) return true;
    const { removed, logStart, batches } = this.#partition;
    return batches.every(
      (batch) =>
        batch.transaction !== transaction ||
        batch.sent === undefined ||
        offsetsOf(batch).every((offset) => removed.has(offset) || offset < logStart),
    );
  }
}

/** The newest committed record of each key that compaction may go by. */
export function newestOfKeys({ batches }: LedgerPartition, end: number, oldEnough: number): Map<string, number> {
  const newest = new Map<string, number>();
  for (const batch of batches) {
    if (batch.last >= end) break;
    if (batch.sent === undefined || batch.transaction?.outcome === 'abort') continue;
    for (const [index, { key, timestamp }] of recordsOf(batch.sent).entries()) {
      if (key !== null && timestamp <= oldEnough) newest.set(key.toString('latin1'), batch.base + index);
    }
  }
  return newest;
}

export function keyAt({ sent, base }: LedgerBatch, offset: number): string | undefined {
  return sent && recordsOf(sent)[offset - base]!.key?.toString('latin1');
}

export function offsetsOf({ base, last }: LedgerBatch): number[] {
  return Array.from({ length: last - base + 1 }, (_, index) => base + index);
}

/** The batches that have an offset from `from` up to `to`, which is excluded. */
export function batchesIn({ batches }: LedgerPartition, from: number, to: number): readonly LedgerBatch[] {
  return batches.filter(({ base, last }) => last >= from && base < to);
}
