import type { Clock } from '../core/clock.ts';
import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { AbortedRange } from '../journal/view.ts';
import { type BatchView, splitBatches } from '../records/batch.ts';
import type { BlobStore } from '../storage/ports.ts';
import { offsetOfTime } from './format/index-block.ts';
import { ObjectMissingError } from './object-ranges.ts';
import { ReadAhead } from './read-ahead.ts';
import { type AbortedRequest, SealedAborted } from './sealed-aborted.ts';
import { type BatchRun, type SegmentRange, SegmentSearch } from './segment-search.ts';
import { type HistoryIndex, type HistoryPart, SegmentSource } from './segment-source.ts';

export interface SegmentReaderOptions {
  readonly index: HistoryIndex;
  readonly blobs: Pick<BlobStore, 'getRange'>;
  readonly clock: Clock;
  /** Memory for ranges of segments and their indexes; bytes. */
  readonly cacheBytes: number;
  /**
   * Whether to read ahead in the background. A function must not: it is frozen between requests.
   */
  readonly readsAhead: boolean;
}

export interface SegmentRead {
  readonly runs: readonly BatchRun[];
  /** The offset after the batches read and the empty segments passed; at most `to`. */
  readonly next: Offset;
}

/** Bytes read at a time to look through batches. */
const LOOK_BYTES = 1024 * 1024;

/** Reads sealed history. One for all partitions of a process. */
export class SegmentReader {
  readonly source: SegmentSource;
  readonly #ahead: ReadAhead | undefined;
  readonly #aborted: SealedAborted;

  constructor({ index, blobs, clock, cacheBytes, readsAhead }: SegmentReaderOptions) {
    this.source = new SegmentSource(index, blobs, clock, cacheBytes);
    this.#aborted = new SealedAborted(this.source);
    this.#ahead = readsAhead ? new ReadAhead(this.source, clock, cacheBytes) : undefined;
  }

  /** Begins a search; `take` ends it. */
  search(range: SegmentRange): SegmentSearch {
    return new SegmentSearch(this.source, range);
  }

  /**
   * The batches found, to be sent to a consumer. A search that begins behind them goes on here, and
   * what it will need is read ahead.
   */
  take(search: SegmentSearch): Buffer[] {
    search.stop();
    if (search.continues && search.size > 0) this.#ahead?.from(search.range, search.next, search.place);
    return search.found.map(({ bytes }) => (isSmallPart(bytes) ? Buffer.from(bytes) : bytes));
  }

  /**
   * The aborted transactions with records in [from, until) that ended below `to`, where segments
   * end (rule R11). Throws StoreUnavailableError and MalformedBytesError.
   */
  aborted(topicId: Uuid, partition: number, range: AbortedRequest): Promise<AbortedRange[]> {
    return this.#aborted.find(topicId, partition, range);
  }

  /**
   * Reads batches in order, at most `maxBytes`; the first may be larger. Throws
   * StoreUnavailableError and MalformedBytesError.
   */
  async read(range: SegmentRange, maxBytes: number): Promise<SegmentRead> {
    const search = this.search(range);
    while (search.advance(maxBytes, true) === 'page') {
      try {
        await search.load(maxBytes);
      } catch (error) {
        // What was found before is returned first. The next read meets the error again.
        if (search.size === 0) throw error;
        break;
      }
    }
    return { runs: search.found, next: Math.min(search.next, range.to) };
  }

  /** The batches of a range, one after the other. Throws as `read`. */
  async *batches(range: SegmentRange): AsyncGenerator<BatchView> {
    for (let from = range.from; from < range.to; ) {
      const { runs, next } = await this.read({ ...range, from }, LOOK_BYTES);
      if (runs.length === 0) return;
      for (const { bytes } of runs) yield* splitBatches(bytes);
      from = next;
    }
  }

  /**
   * Where to look for the first record of a range whose timestamp is at least `timestamp` (ms): in
   * these offsets of one segment. If they have no such record, `to` is where to search on.
   * Undefined if the range has none. Throws as `read`.
   */
  async offsetsByTime(range: SegmentRange, timestamp: number): Promise<SegmentRange | undefined> {
    const { topicId, partition, from, to } = range;
    const newest = await this.source.partAt(topicId, partition, to - 1);
    if (newest.maxTimestampSoFar < timestamp) return undefined;
    for (let isRetry = false; ; isRetry = true) {
      const part = await this.source.index.firstByTime(topicId, partition, timestamp, from, to);
      if (part === undefined) return undefined;
      try {
        const start = offsetOfTime(await this.source.indexesOf(part), timestamp) ?? part.baseOffset;
        return { topicId, partition, from: Math.max(start, from), to: Math.min(part.nextOffset, to) };
      } catch (error) {
        if (!(error instanceof ObjectMissingError) || isRetry) throw error;
        // The segment may have been replaced.
        this.source.forget(topicId, part);
      }
    }
  }

  /** The segments with offsets of a range, the last one first. Throws as `read`. */
  async *partsDown({ topicId, partition, from, to }: SegmentRange): AsyncGenerator<HistoryPart> {
    for (let next: Offset | undefined = to - 1; next !== undefined && next >= from; ) {
      const page = await this.source.index.list(topicId, partition, { from: next, order: 'descending' });
      for (const part of page.segments) if (part.nextOffset > from) yield part;
      next = page.next;
    }
  }
}

/**
 * Whether bytes keep much more memory than they count for while they wait to be sent: they are a
 * part of a range that may be in use for nothing else any more.
 */
function isSmallPart({ length, buffer }: Buffer): boolean {
  return length * KEPT_TIMES_MAX < buffer.byteLength;
}

/** A little more than a range of GET_BYTES_MAX has of the default of a consumer's max.partition.fetch.bytes, 1 MiB. */
const KEPT_TIMES_MAX = 5;
