import type { Clock } from '../core/clock.ts';
import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import type { AbortedRange } from '../journal/view.ts';
import type { BlobStore } from '../storage/ports.ts';
import { ReadAhead } from './read-ahead.ts';
import { type AbortedRequest, SealedAborted } from './sealed-aborted.ts';
import { type BatchRun, type SegmentRange, SegmentSearch } from './segment-search.ts';
import { type HistoryIndex, SegmentSource } from './segment-source.ts';

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

/** Reads sealed history. One for all partitions of a process. */
export class SegmentReader {
  readonly source: SegmentSource;
  readonly #ahead: ReadAhead | undefined;
  readonly #aborted: SealedAborted;

  constructor({ index, blobs, clock, cacheBytes, readsAhead }: SegmentReaderOptions) {
    this.source = new SegmentSource(index, blobs, cacheBytes);
    this.#aborted = new SealedAborted(this.source);
    this.#ahead = readsAhead ? new ReadAhead(this.source, clock, cacheBytes) : undefined;
  }

  /** Begins a search; `done` must be called when it has ended. */
  search(range: SegmentRange): SegmentSearch {
    return new SegmentSearch(this.source, range);
  }

  /**
   * Must be called when the batches found are returned to a consumer: its next search goes on here.
   */
  done(search: SegmentSearch): void {
    search.stop();
    if (search.continues && search.size > 0) this.#ahead?.from(search.range, search.next, search.place);
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
}
