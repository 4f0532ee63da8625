import type { Offset } from '../core/offset.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import type { AbortedTransaction } from './format/transaction-index.ts';

/** The aborted transactions whose marker lies in a segment. */
export type TransactionsOf = (segment: LiveSegment) => Promise<readonly AbortedTransaction[]>;

/**
 * Hands out the aborted transactions of a partition before a pass over its batches meets their first
 * one (rule R11). A transaction is in the index of the segment that has its marker, so the indexes
 * are read ahead until an abort marker shows that every transaction that begins before the offset
 * has ended (Kafka: LocalLog.collectAbortedTransactions). Each index is read once.
 */
export class AbortedAhead {
  readonly #segments: readonly LiveSegment[];
  readonly #transactionsOf: TransactionsOf;
  #unsealed: readonly AbortedTransaction[];
  #next = 0;
  /** Every aborted transaction that begins below it was handed out. */
  #completeTo: Offset = 0;

  /**
   * @param segments ascending, from the one where the pass begins
   * @param unsealed the transactions whose marker lies behind the segments
   */
  constructor(
    segments: readonly LiveSegment[],
    unsealed: readonly AbortedTransaction[],
    transactionsOf: TransactionsOf,
  ) {
    this.#segments = segments;
    this.#unsealed = unsealed;
    this.#transactionsOf = transactionsOf;
  }

  /** The transactions that begin below `offset` and were not handed out before, and maybe more. */
  async upTo(offset: Offset): Promise<readonly AbortedTransaction[]> {
    const found: AbortedTransaction[] = [];
    while (this.#completeTo < offset) {
      const segment = this.#segments[this.#next];
      if (segment === undefined) {
        found.push(...this.#unsealed);
        this.#unsealed = [];
        break;
      }
      this.#next++;
      if (!hasTransactions(segment)) continue;
      for (const transaction of await this.#transactionsOf(segment)) {
        found.push(transaction);
        this.#completeTo = Math.max(this.#completeTo, transaction.lastStableOffset);
      }
    }
    return found;
  }
}

function hasTransactions({ index, offsetIndexBytes, timeIndexBytes }: LiveSegment): boolean {
  return index.length > offsetIndexBytes + timeIndexBytes;
}
