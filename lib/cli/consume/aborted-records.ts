import { type BatchHeader, isControl, isTransactional, lastOffset } from '../../records/batch.ts';
import { readControlBatch } from '../../records/control.ts';

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/**
 * Decides which batches of one answer belong to aborted transactions, as Kafka's consumer does
 * (CompletedFetch): a transaction extends from its first offset to the marker that ends it. Query
 * the batches in order.
 */
export class AbortedRecords {
  readonly #ahead: AbortedTransaction[];
  readonly #open = new Set<number>();

  constructor(aborted: readonly AbortedTransaction[] | null) {
    this.#ahead = [...(aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
  }

  /** True for a batch whose records are not visible to readers. */
  hides(header: BatchHeader, bytes: Buffer): boolean {
    while (this.#ahead[0] !== undefined && this.#ahead[0].firstOffset <= lastOffset(header)) {
      this.#open.add(this.#ahead.shift()!.producerId);
    }
    if (isControl(header.attributes)) {
      const record = readControlBatch(bytes);
      if (record?.kind === 'marker' && record.type === 'abort') this.#open.delete(header.producerId);
      return true;
    }
    return isTransactional(header.attributes) && this.#open.has(header.producerId);
  }
}
