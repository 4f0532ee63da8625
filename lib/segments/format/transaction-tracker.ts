import type { Offset } from '../../core/offset.ts';
import { type BatchView, isControl, isTransactional } from '../../records/batch.ts';
import { type MarkerType, readControlBatch } from '../../records/control.ts';
import type { AbortedTransaction } from './transaction-index.ts';

/**
 * Follows the transactions of one partition in the order of its offsets, and tells the entries of
 * the transaction index (Kafka: ProducerStateManager, ProducerAppendInfo).
 */
export class TransactionTracker {
  readonly #open: Map<number, Offset>;

  /** @param open the first offsets of the transactions open at the start, by producer id */
  constructor(open: Iterable<readonly [producerId: number, firstOffset: Offset]> = []) {
    this.#open = new Map(open);
  }

  /** The first offsets of the open transactions, by producer id. */
  get open(): ReadonlyMap<number, Offset> {
    return this.#open;
  }

  /** A batch of a transaction. */
  data(producerId: number, baseOffset: Offset): void {
    if (!this.#open.has(producerId)) this.#open.set(producerId, baseOffset);
  }

  /**
   * A marker at `offset`. Returns the index entry of an abort; undefined for a commit and for a
   * transaction without records.
   */
  marker(producerId: number, type: MarkerType, offset: Offset): AbortedTransaction | undefined {
    const firstOffset = this.#open.get(producerId);
    if (firstOffset === undefined) return undefined;
    this.#open.delete(producerId);
    if (type === 'commit') return undefined;
    let lastStableOffset = offset + 1;
    for (const first of this.#open.values()) lastStableOffset = Math.min(lastStableOffset, first);
    return { producerId, firstOffset, lastOffset: offset, lastStableOffset };
  }

  /**
   * Any batch. Returns what `marker` does. Throws CorruptRecordError for a control batch that
   * cannot be read.
   */
  batch({ header, bytes }: BatchView): AbortedTransaction | undefined {
    if (isControl(header.attributes)) {
      const record = readControlBatch(bytes);
      return record?.kind === 'marker' ? this.marker(header.producerId, record.type, header.baseOffset) : undefined;
    }
    if (isTransactional(header.attributes)) this.data(header.producerId, header.baseOffset);
    return undefined;
  }
}
