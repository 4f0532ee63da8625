import type { Offset } from '../../core/offset.ts';
import { type BatchView, lastOffset } from '../../records/batch.ts';
import { PartIndexer } from '../format/part-indexer.ts';
import { fitsPart } from '../format/part-limits.ts';
import type { AbortedTransaction } from '../format/transaction-index.ts';
import { TransactionTracker } from '../format/transaction-tracker.ts';
import { segmentFileName } from './file-names.ts';
import { indexFiles } from './part-files.ts';

/** Kafka's default of `segment.bytes`. */
const SEGMENT_BYTES = 1024 ** 3;

/** Where the files go. The calls for one file come in order, one at a time. */
export interface FileSink {
  /** Adds bytes to the file, which begins with the first call for it. */
  append(name: string, bytes: Buffer): Promise<void>;
}

export interface FileWriterOptions {
  /** Bytes of batches after which the next file begins; SEGMENT_BYTES if left out. */
  readonly segmentBytes?: number;
  /** The topic's `index.interval.bytes`. */
  readonly indexIntervalBytes?: number;
  /** Follows the transactions; one that knows of none if left out. */
  readonly transactions?: TransactionTracker;
}

/**
 * Writes the batches of one partition as Kafka's segments, `.log` and indexes. Indexes are kept in
 * memory until their segment ends: about 20 bytes for each `index.interval.bytes`.
 */
export class SegmentFileWriter {
  readonly #sink: FileSink;
  readonly #options: FileWriterOptions;
  readonly #segmentBytes: number;
  readonly #transactions: TransactionTracker;
  #indexer: PartIndexer;
  #aborted: AbortedTransaction[] = [];
  #isBegun = false;

  /** @param baseOffset the log start: the base offset of the first segment */
  constructor(sink: FileSink, baseOffset: Offset, options: FileWriterOptions = {}) {
    this.#sink = sink;
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#transactions = options.transactions ?? new TransactionTracker();
    this.#indexer = new PartIndexer(baseOffset, options.indexIntervalBytes);
  }

  /** The next batches, in order. Throws CorruptRecordError for a control batch that cannot be read. */
  async append(batches: readonly BatchView[]): Promise<void> {
    for (const batch of batches) {
      if (this.#mustRoll(batch)) await this.#roll(batch.header.baseOffset);
      const transaction = this.#transactions.batch(batch);
      if (transaction !== undefined) this.#aborted.push(transaction);
      this.#indexer.append(batch);
      await this.#log(batch.bytes);
    }
  }

  #mustRoll({ header }: BatchView): boolean {
    const { logBytes } = this.#indexer;
    if (!fitsPart(this.#indexer, { lastOffset: lastOffset(header), sizeInBytes: header.sizeInBytes })) return true;
    return logBytes > 0 && logBytes + header.sizeInBytes > this.#segmentBytes;
  }

  async #log(bytes: Buffer): Promise<void> {
    this.#isBegun = true;
    await this.#sink.append(segmentFileName(this.#indexer.baseOffset, 'log'), bytes);
  }

  async #roll(nextBaseOffset: Offset): Promise<void> {
    await this.#end(nextBaseOffset);
    this.#indexer = new PartIndexer(nextBaseOffset, this.#options.indexIntervalBytes);
    this.#aborted = [];
    this.#isBegun = false;
  }

  async #end(nextOffset: Offset): Promise<void> {
    if (!this.#isBegun) await this.#log(Buffer.alloc(0));
    const { offsetIndex, timeIndex, transactionIndex } = this.#indexer.finish(nextOffset, this.#aborted);
    const indexes = { index: offsetIndex, timeindex: timeIndex, txnindex: transactionIndex };
    for (const { name, bytes } of indexFiles(this.#indexer.baseOffset, indexes)) await this.#sink.append(name, bytes);
  }

  /** Ends the last segment; call it once. A log without records is one empty segment. */
  async finish(): Promise<void> {
    await this.#end(this.#indexer.nextOffset);
  }
}
