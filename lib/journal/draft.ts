import type { Offset } from '../core/offset.ts';
import type { BatchMeta } from './entry.ts';
import { afterBatch, type ProducerState } from './producers.ts';
import type { JournalView } from './view.ts';

/**
 * A view plus the batches of an entry that is being built. Each batch of a group commit is decided
 * as if those before it were committed. The cost depends on the partitions that the entry touches,
 * not on the size of the view.
 */
export class Draft {
  readonly view: JournalView;
  readonly #partitions = new Map<number, DraftPartition>();

  constructor(view: JournalView) {
    this.view = view;
  }

  nextOffset(partition: number): Offset {
    return this.#partitions.get(partition)?.nextOffset ?? this.view.partitions.get(partition)?.nextOffset ?? 0;
  }

  logStartOffset(partition: number): Offset {
    return this.view.partitions.get(partition)?.logStartOffset ?? 0;
  }

  producer(partition: number, producerId: number): ProducerState | undefined {
    return (
      this.#partitions.get(partition)?.producers.get(producerId) ??
      this.view.partitions.get(partition)?.producers.get(producerId)
    );
  }

  /** Adds a batch that was accepted. */
  add(batch: BatchMeta, time: number): void {
    let partition = this.#partitions.get(batch.partition);
    if (partition === undefined) {
      partition = { nextOffset: 0, producers: new Map() };
      this.#partitions.set(batch.partition, partition);
    }
    if (batch.producerId >= 0) {
      const state = afterBatch(this.producer(batch.partition, batch.producerId), batch, time);
      partition.producers.set(batch.producerId, state);
    }
    partition.nextOffset = batch.baseOffset + batch.lastOffsetDelta + 1;
  }
}

interface DraftPartition {
  nextOffset: Offset;
  readonly producers: Map<number, ProducerState>;
}
