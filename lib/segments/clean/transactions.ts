import { type BatchHeader, isTransactional, lastOffset } from '../../records/batch.ts';
import { readControlBatch } from '../../records/control.ts';
import type { AbortedTransaction } from '../format/transaction-index.ts';

interface Ongoing {
  readonly transaction: AbortedTransaction;
  /** True after a batch of the transaction was passed. */
  seen: boolean;
}

/**
 * Where a pass begins. From the `start` of the log it meets every batch of the transactions whose
 * markers it meets; from `somewhere` it may have missed the batches of some.
 */
export type BeginsAt = 'start' | 'somewhere';

/**
 * Which transactions a pass over the batches of a partition is in the middle of (Kafka:
 * CleanedTransactionMetadata).
 */
export class PassedTransactions {
  /** Aborted transactions that begin behind the last batch, ascending by first offset. */
  #ahead: AbortedTransaction[] = [];
  readonly #aborted = new Map<number, Ongoing>();
  readonly #committed = new Set<number>();
  readonly #beginsAt: BeginsAt;
  /** Producers of which a marker was passed: the batches behind it are all that a later one ends. */
  readonly #known = new Set<number>();

  constructor(beginsAt: BeginsAt) {
    this.#beginsAt = beginsAt;
  }

  /**
   * Adds aborted transactions before the first batch of each is passed, in any order, each only once.
   * Those that ended before the pass began do no harm.
   */
  add(transactions: readonly AbortedTransaction[]): void {
    if (transactions.length === 0) return;
    this.#ahead = [...this.#ahead, ...transactions].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Passes a batch that is not a control batch; true if its transaction was aborted. */
  onBatch(header: BatchHeader): boolean {
    this.#advance(header);
    if (!isTransactional(header.attributes)) return false;
    const ongoing = this.#aborted.get(header.producerId);
    if (ongoing === undefined) {
      this.#committed.add(header.producerId);
      return false;
    }
    ongoing.seen = true;
    return true;
  }

  /**
   * Passes a control batch. `isUnused`: no batch of its transaction is left, so that it may go once
   * its delete horizon has passed. `aborted`: the transaction to keep in the transaction index for as
   * long as the marker stays, because readers that hold replaced segments may still meet a batch of
   * it. (Kafka's cleaner drops it as soon as the marker is unused: its readers hold no such segments.)
   * Throws CorruptRecordError.
   */
  onControlBatch(batch: Buffer, header: BatchHeader): { isUnused: boolean; aborted?: AbortedTransaction } {
    this.#advance(header);
    const control = readControlBatch(batch);
    if (control === undefined) return { isUnused: true };
    if (control.kind !== 'marker') return { isUnused: false };
    const { producerId } = header;
    const mayHaveMissed = this.#mayHaveMissed(producerId);
    if (control.type === 'commit') return { isUnused: !this.#committed.delete(producerId) && !mayHaveMissed };
    const ongoing = this.#aborted.get(producerId);
    this.#aborted.delete(producerId);
    if (ongoing === undefined) return { isUnused: !mayHaveMissed };
    return { isUnused: !ongoing.seen && !mayHaveMissed, aborted: ongoing.transaction };
  }

  /** Whether batches of the transaction that the producer's marker ends may lie before the pass. */
  #mayHaveMissed(producerId: number): boolean {
    if (this.#beginsAt === 'start' || this.#known.has(producerId)) return false;
    this.#known.add(producerId);
    return true;
  }

  #advance(header: BatchHeader): void {
    const offset = lastOffset(header);
    let begun = 0;
    for (const transaction of this.#ahead) {
      if (transaction.firstOffset > offset) break;
      begun++;
      const { producerId } = transaction;
      const hasEnded = transaction.lastOffset < header.baseOffset;
      if (!hasEnded && !this.#aborted.has(producerId)) this.#aborted.set(producerId, { transaction, seen: false });
    }
    if (begun > 0) this.#ahead.splice(0, begun);
  }
}
