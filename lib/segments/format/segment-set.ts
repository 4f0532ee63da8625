import { assert } from '../../core/assert.ts';
import type { Offset } from '../../core/offset.ts';
import type { SegmentPart } from '../../journal/segment-part.ts';
import type { EpochStart } from '../../journal/view.ts';
import { crc32c } from '../../records/crc32c.ts';
import { type DirectoryRow, encodeDirectory, type PartSizes, placeParts, rowDisorder } from './directory.ts';
import { splitLog } from './log-batches.ts';
import { INDEX_INTERVAL_BYTES, type IndexedPart, PartIndexer } from './part-indexer.ts';
import type { AbortedTransaction } from './transaction-index.ts';

/** What one part of a set is built from. */
export interface PartContent {
  readonly partition: number;
  /** The part covers the offsets [baseOffset, nextOffset), whatever records are in it. */
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  /** Each holds one or more whole batches, with their final base offsets and leader epochs. */
  readonly batches: readonly Buffer[];
  /** The transactions whose abort marker lies in the part, in order of the markers. */
  readonly aborted: readonly AbortedTransaction[];
  /**
   * Leader epochs of the range, where they cannot be told from the batches any more: compaction may
   * have removed the first batch of an epoch.
   */
  readonly epochs?: readonly EpochStart[];
}

export interface SegmentSetOptions {
  /** The key that the object will have; the directory names it. */
  readonly key: string;
  /** The topic's `index.interval.bytes`; INDEX_INTERVAL_BYTES if left out. */
  readonly indexIntervalBytes?: number;
}

export interface SegmentSet {
  /** The bytes of the object, one after the other. Those of the logs are the given buffers. */
  readonly chunks: Buffer[];
  /** Bytes of the object. */
  readonly size: number;
  readonly parts: SegmentPart[];
  /** The same parts, with their leader epochs. */
  readonly rows: readonly DirectoryRow[];
}

/**
 * Builds the object of a segment set. The parts ascend by partition and base offset; a partition
 * may have several. CRCs of batches are not checked.
 *
 * Takes a few microseconds per batch in one go: whoever may have hundreds of thousands of batches
 * uses SegmentSetBuilder between turns of the event loop.
 *
 * @throws AssertionError for batches that are out of order or do not fit into one part (cutContent
 *   cuts a content into parts that do)
 * @throws MalformedBytesError for buffers that do not consist of whole batches
 */
export function buildSegmentSet(contents: readonly PartContent[], options: SegmentSetOptions): SegmentSet {
  const builder = new SegmentSetBuilder(options);
  for (const content of contents) {
    builder.begin(content.partition, content.baseOffset);
    for (const bytes of content.batches) builder.append(bytes);
    builder.end(content.nextOffset, content.aborted, content.epochs);
  }
  return builder.finish();
}

interface BuiltPart extends IndexedPart {
  readonly partition: number;
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  readonly indexCrc: number;
}

/** Builds a segment set piece by piece; buildSegmentSet says what of. */
export class SegmentSetBuilder {
  readonly #options: SegmentSetOptions;
  readonly #logs: Buffer[] = [];
  readonly #parts: BuiltPart[] = [];
  #open: { readonly partition: number; readonly indexer: PartIndexer } | undefined;

  constructor(options: SegmentSetOptions) {
    this.#options = options;
  }

  /** Begins the next part. */
  begin(partition: number, baseOffset: Offset): void {
    assert(this.#open === undefined, 'the part before has not ended');
    const interval = this.#options.indexIntervalBytes ?? INDEX_INTERVAL_BYTES;
    this.#open = { partition, indexer: new PartIndexer(baseOffset, interval) };
  }

  /** Adds one or more whole batches to the part. The buffer must not change before the PUT. */
  append(bytes: Buffer): void {
    const { indexer } = this.#part();
    const { batches, end } = splitLog(bytes, {
      key: this.#options.key,
      position: indexer.logBytes,
      from: indexer.nextOffset,
    });
    if (end !== bytes.length) assert(false, `${bytes.length - end} bytes behind the last whole batch`);
    for (const batch of batches) indexer.append(batch);
    if (bytes.length > 0) this.#logs.push(bytes);
  }

  /** Ends the part; the parameters are as in PartContent. */
  end(nextOffset: Offset, aborted: readonly AbortedTransaction[], epochs?: readonly EpochStart[]): void {
    const { partition, indexer } = this.#part();
    const indexed = indexer.finish(nextOffset, aborted);
    const indexCrc = [indexed.offsetIndex, indexed.timeIndex, indexed.transactionIndex].reduce(
      (crc, bytes) => crc32c(bytes, 0, bytes.length, crc),
      0,
    );
    const { baseOffset } = indexer;
    this.#parts.push({ ...indexed, epochs: epochs ?? indexed.epochs, partition, baseOffset, nextOffset, indexCrc });
    this.#open = undefined;
  }

  #part() {
    assert(this.#open !== undefined, 'no part has begun');
    return this.#open;
  }

  finish(): SegmentSet {
    assert(this.#open === undefined, 'the last part has not ended');
    const { parts, end } = placeParts(this.#parts.map(sizesOf));
    const rows = parts.map((part, index) => ({ part, epochs: this.#parts[index]!.epochs }));
    rows.forEach((row, index) => {
      const disorder = rowDisorder(rows[index - 1], row);
      assert(disorder === undefined, `part ${index} of the set has ${disorder}`);
    });
    const indexes = this.#parts.flatMap((part) => [part.offsetIndex, part.timeIndex, part.transactionIndex]);
    const directory = encodeDirectory(this.#options.key, rows, end);
    const chunks = [...this.#logs, ...indexes.filter(({ length }) => length > 0), directory];
    return { chunks, size: end + directory.length, parts, rows };
  }
}

function sizesOf(part: BuiltPart): PartSizes {
  const { partition, baseOffset, nextOffset, maxTimestamp, maxTimestampOffset, logBytes, indexCrc } = part;
  return {
    partition,
    baseOffset,
    nextOffset,
    maxTimestamp,
    maxTimestampOffset,
    logBytes,
    offsetIndexBytes: part.offsetIndex.length,
    timeIndexBytes: part.timeIndex.length,
    transactionIndexBytes: part.transactionIndex.length,
    indexCrc,
  };
}
