import { assert } from '../../core/assert.ts';
import type { Offset } from '../../core/offset.ts';
import type { EpochStart } from '../../journal/view.ts';
import { BatchField, type BatchHeader, type BatchView, lastOffset, NO_TIMESTAMP } from '../../records/batch.ts';
import { encodeOffsetIndex, type OffsetEntry } from './offset-index.ts';
import { fitsPart } from './part-limits.ts';
import { type ExactTimeEntry, encodeTimeIndex } from './time-index.ts';
import { type AbortedTransaction, encodeTransactionIndex, transactionDisorder } from './transaction-index.ts';

/** Kafka's default of `index.interval.bytes`. */
export const INDEX_INTERVAL_BYTES = 4096;

export interface IndexedPart {
  readonly logBytes: number;
  readonly offsetIndex: Buffer;
  readonly timeIndex: Buffer;
  readonly transactionIndex: Buffer;
  /** Ms; -1 without records. */
  readonly maxTimestamp: number;
  /** Base offset of the first batch with that timestamp; -1 without records. */
  readonly maxTimestampOffset: Offset;
  /** The leader epochs of the batches, each with the base offset of its first batch. */
  readonly epochs: readonly EpochStart[];
}

/**
 * Builds the indexes of one part, batch by batch, by the rules of Kafka's LogSegment.append,
 * LogSegment.updateTxnIndex and, at the end, LogSegment.onBecomeInactiveSegment.
 */
export class PartIndexer {
  readonly baseOffset: Offset;
  readonly #intervalBytes: number;
  readonly #offsets: OffsetEntry[] = [];
  readonly #times: ExactTimeEntry[] = [];
  readonly #epochs: EpochStart[] = [];
  #logBytes = 0;
  #bytesSinceEntry = 0;
  #nextOffset: Offset;
  #maxTimestamp = NO_TIMESTAMP;
  #maxTimestampOffset = -1;
  #maxTime: ExactTimeEntry | undefined;

  constructor(baseOffset: Offset, intervalBytes: number = INDEX_INTERVAL_BYTES) {
    this.baseOffset = baseOffset;
    this.#intervalBytes = intervalBytes;
    this.#nextOffset = baseOffset;
  }

  /** Bytes of the batches so far. */
  get logBytes(): number {
    return this.#logBytes;
  }

  /** The offset after the last batch; the base offset before the first. */
  get nextOffset(): Offset {
    return this.#nextOffset;
  }

  /** The next batch of the log. Its offsets follow those before, and it fits (fitsPart). */
  append({ header, bytes }: BatchView): void {
    const last = lastOffset(header);
    this.#check(header, last);
    if (header.maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = header.maxTimestamp;
      this.#maxTimestampOffset = header.baseOffset;
      this.#maxTime = {
        timestampHigh: bytes.readInt32BE(BatchField.maxTimestamp),
        timestampLow: bytes.readUInt32BE(BatchField.maxTimestamp + 4),
        offset: last,
      };
    }
    if (this.#bytesSinceEntry > this.#intervalBytes) {
      this.#offsets.push({ offset: last, position: this.#logBytes });
      this.#appendTime();
      this.#bytesSinceEntry = 0;
    }
    this.#bytesSinceEntry += header.sizeInBytes;
    this.#logBytes += header.sizeInBytes;
    this.#nextOffset = last + 1;
    const epoch = header.partitionLeaderEpoch;
    if (epoch > (this.#epochs.at(-1)?.epoch ?? -1)) this.#epochs.push({ epoch, startOffset: header.baseOffset });
  }

  /** The messages are made only when they are needed: this runs for every batch of a log. */
  #check({ baseOffset, sizeInBytes, lastOffsetDelta }: BatchHeader, last: Offset): void {
    const isBehind = baseOffset >= this.#nextOffset && last >= baseOffset;
    if (isBehind && fitsPart(this, { lastOffset: last, sizeInBytes })) return;
    assert(baseOffset >= this.#nextOffset, `a batch at ${baseOffset} behind ${this.#nextOffset}`);
    assert(last >= baseOffset, `a batch with a last offset delta of ${lastOffsetDelta}`);
    assert(false, `the batch at ${baseOffset} is too far from the base ${this.baseOffset}`);
  }

  #appendTime(): void {
    if (this.#maxTime !== undefined && this.#times.at(-1) !== this.#maxTime) this.#times.push(this.#maxTime);
  }

  /**
   * The indexes of the part [baseOffset, nextOffset).
   *
   * @param aborted the transactions whose abort marker lies in the part, in order of the markers
   */
  finish(nextOffset: Offset, aborted: readonly AbortedTransaction[]): IndexedPart {
    assert(nextOffset >= this.#nextOffset, `the part ends at ${nextOffset}, its batches at ${this.#nextOffset}`);
    aborted.forEach((transaction, index) => {
      const part = { baseOffset: this.baseOffset, nextOffset };
      const disorder = transactionDisorder(aborted[index - 1], transaction, part);
      assert(disorder === undefined, `the transaction index would have ${disorder}`);
    });
    this.#appendTime();
    return {
      logBytes: this.#logBytes,
      offsetIndex: encodeOffsetIndex(this.#offsets, this.baseOffset),
      timeIndex: encodeTimeIndex(this.#times, this.baseOffset),
      transactionIndex: encodeTransactionIndex(aborted),
      maxTimestamp: this.#maxTimestamp,
      maxTimestampOffset: this.#maxTimestampOffset,
      epochs: this.#epochs,
    };
  }
}
