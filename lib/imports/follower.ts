import type { Offset } from '../core/offset.ts';
import { afterBatch, afterMarker, PRODUCER_EXPIRATION_MS, type ProducerState } from '../journal/producers.ts';
import type { EpochStart } from '../journal/view.ts';
import {
  type BatchHeader,
  type BatchView,
  hasProducerId,
  isControl,
  isTransactional,
  readBatchHeader,
} from '../records/batch.ts';
import { encodeControlBatch } from '../records/control.ts';
import { CorruptRecordError } from '../records/error.ts';
import type { AbortedTransaction } from '../segments/format/transaction-index.ts';
import { TransactionTracker } from '../segments/format/transaction-tracker.ts';
import { epochsIn } from '../segments/write-segment.ts';

/** The next producer id stays a whole number that JavaScript tells exactly. */
const PRODUCER_ID_MAX = 2 ** 52;

/**
 * What the batches of a partition say one after the other: epochs, transactions and producers. What a
 * broker would keep beside them.
 */
export class PartitionFollower {
  readonly transactions = new TransactionTracker();
  /** Producers that are not forgotten yet. */
  readonly producers = new Map<number, ProducerState>();
  /** The epochs of the open transactions' producers. */
  readonly #openEpochs = new Map<number, number>();
  readonly #stored: readonly EpochStart[];
  readonly #found: EpochStart[] = [];
  readonly #now: number;
  #producerIdMax = -1;
  /** Of the stored epochs, the one that the batches have reached. */
  #at = 0;

  /**
   * @param epochs of `leader-epoch-checkpoint`; none: those of the batches count
   * @param now when producers are looked at: those whose last batch is a day older are forgotten; ms
   */
  constructor(epochs: readonly EpochStart[], now: number) {
    this.#stored = epochs;
    this.#now = now;
  }

  get producerIdMax(): number {
    return this.#producerIdMax;
  }

  /** The newest leader epoch, of the batches and of `leader-epoch-checkpoint`; -1 for none. */
  get leaderEpoch(): number {
    return Math.max(this.#stored.at(-1)?.epoch ?? -1, this.#found.at(-1)?.epoch ?? -1);
  }

  /** The leader epochs of the offsets [baseOffset, end); the first one begins at `baseOffset` at the latest. */
  epochsOf(baseOffset: Offset, end: Offset): readonly EpochStart[] {
    const all = this.#stored.length === 0 ? this.#found : this.#stored;
    const [first, ...others] = epochsIn(all, baseOffset, end);
    if (first === undefined) return [];
    return [{ ...first, startOffset: Math.min(first.startOffset, baseOffset) }, ...others];
  }

  /**
   * The next batch. Returns the entry of the transaction index that an abort marker makes. Throws
   * CorruptRecordError.
   */
  add(batch: BatchView): AbortedTransaction | undefined {
    const { header } = batch;
    this.#followEpoch(header);
    const aborted = this.transactions.batch(batch);
    if (hasProducerId(header)) this.#followProducer(header);
    return aborted;
  }

  #followEpoch({ baseOffset, partitionLeaderEpoch: epoch }: BatchHeader): void {
    // Batches of brokers before 0.11 have none.
    if (epoch < 0) return;
    const newest = this.#found.at(-1);
    if (newest !== undefined && epoch < newest.epoch) {
      throw new CorruptRecordError(`a batch of leader epoch ${epoch}, behind one of epoch ${newest.epoch}`);
    }
    while ((this.#stored[this.#at + 1]?.startOffset ?? Number.POSITIVE_INFINITY) <= baseOffset) this.#at += 1;
    const stored = this.#stored[this.#at];
    if (stored !== undefined && stored.epoch !== epoch) {
      throw new CorruptRecordError(
        `a batch of leader epoch ${epoch} at offset ${baseOffset}, where leader-epoch-checkpoint has epoch ${stored.epoch}`,
      );
    }
    if (newest?.epoch !== epoch) this.#found.push({ epoch, startOffset: baseOffset });
  }

  #followProducer(header: BatchHeader): void {
    const { producerId, producerEpoch, attributes, maxTimestamp } = header;
    if (producerId > PRODUCER_ID_MAX) throw new CorruptRecordError(`a batch of producer id ${producerId}`);
    this.#producerIdMax = Math.max(this.#producerIdMax, producerId);
    const isOpen = this.transactions.open.has(producerId);
    if (!isOpen) this.#openEpochs.delete(producerId);
    else if (isTransactional(attributes)) this.#openEpochs.set(producerId, producerEpoch);
    // In an open transaction it is not forgotten, however old its batches are.
    if (!isOpen && maxTimestamp + PRODUCER_EXPIRATION_MS < this.#now) {
      this.producers.delete(producerId);
      return;
    }
    const time = Math.max(0, Math.min(maxTimestamp, this.#now));
    const before = this.producers.get(producerId);
    const after = isControl(attributes)
      ? afterMarker(before, producerEpoch, time)
      : afterBatch(before, metaOf(header), time);
    this.producers.set(producerId, after);
  }

  /**
   * The abort markers of the transactions that are open at the end of the log, as a coordinator would
   * write them: the producers that could end them are not here.
   */
  abortMarkers(end: Offset): BatchView[] {
    const open = [...this.transactions.open].sort(([, a], [, b]) => a - b);
    return open.map(([producerId], index) => {
      const bytes = encodeControlBatch({
        type: 'abort',
        producerId,
        producerEpoch: this.#openEpochs.get(producerId)!,
        coordinatorEpoch: 0,
        timestamp: this.#now,
        baseOffset: end + index,
        partitionLeaderEpoch: Math.max(this.leaderEpoch, 0),
      });
      return { header: readBatchHeader(bytes), bytes };
    });
  }
}

function metaOf({ attributes, sizeInBytes, ...header }: BatchHeader) {
  const transactional = isTransactional(attributes);
  return { ...header, partition: 0, transactional, control: false, position: 0, size: sizeInBytes };
}
