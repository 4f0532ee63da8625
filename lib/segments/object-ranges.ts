import { LRUCache } from 'lru-cache';
import { type BlobStore, StoreUnavailableError } from '../storage/ports.ts';
import { malformed } from './format/malformed.ts';

/** A range of an object's bytes that was read, or is being read. */
export interface HeldRange {
  readonly key: string;
  /** Position of the first byte in the object. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Undefined while the read is running. */
  bytes: Buffer | undefined;
  /** Rejects as `read` does. */
  readonly loading: Promise<Buffer>;
}

/** The object does not exist. It was replaced or deleted, or it is lost. */
export class ObjectMissingError extends StoreUnavailableError {
  readonly key: string;

  constructor(key: string) {
    super(`object ${key} is missing`);
    this.key = key;
  }
}

/**
 * Ranges of immutable objects, bounded in bytes over all of them, with LRU eviction. Callers that
 * need the same bytes at the same time share one GET.
 */
export class ObjectRanges {
  readonly #blobs: Pick<BlobStore, 'getRange'>;
  readonly #objects = new Map<string, Set<HeldRange>>();
  /** The ranges in order of use. */
  readonly #used: LRUCache<HeldRange, HeldRange>;

  constructor(blobs: Pick<BlobStore, 'getRange'>, capacityBytes: number) {
    this.#blobs = blobs;
    this.#used = new LRUCache({
      // lru-cache does not accept 0. With 1 byte no range fits.
      maxSize: Math.max(1, capacityBytes),
      sizeCalculation: ({ start, end }) => Math.max(1, end - start),
      dispose: (range) => this.#removed(range),
    });
  }

  /** Bytes of the ranges that are held or being read. */
  get bytes(): number {
    return this.#used.calculatedSize;
  }

  /** The range that has the most bytes from `position` on, held or being read. */
  at(key: string, position: number): HeldRange | undefined {
    let best: HeldRange | undefined;
    for (const range of this.#objects.get(key) ?? []) {
      if (range.start > position || range.end <= position || (best !== undefined && best.end >= range.end)) continue;
      best = range;
    }
    if (best !== undefined) this.#used.get(best);
    return best;
  }

  /**
   * Starts one GET of the bytes [start, end), or joins the one that is running. Its `loading`
   * rejects with StoreUnavailableError, ObjectMissingError, or MalformedBytesError if the object
   * ends before `end`. A range that could not be read is not kept.
   */
  read(key: string, start: number, end: number): HeldRange {
    const known = this.at(key, start);
    if (known !== undefined && known.end >= end) return known;
    const range: HeldRange = { key, start, end, bytes: undefined, loading: this.#get(key, start, end) };
    range.loading.then(
      (bytes) => {
        range.bytes = bytes;
      },
      () => this.#used.delete(range),
    );
    this.#used.set(range, range);
    // A range that is larger than the whole cache is not kept.
    if (!this.#used.has(range)) return range;
    const ranges = this.#objects.get(key);
    if (ranges === undefined) this.#objects.set(key, new Set([range]));
    else ranges.add(range);
    return range;
  }

  /** Drops what is held of an object. */
  forget(key: string): void {
    for (const range of [...(this.#objects.get(key) ?? [])]) this.#used.delete(range);
  }

  async #get(key: string, start: number, end: number): Promise<Buffer> {
    const found = await this.#blobs.getRange(key, start, end);
    if (found.kind === 'missing') throw new ObjectMissingError(key);
    if (found.bytes.length !== end - start) {
      throw malformed(key, start, `the object has ${found.bytes.length} bytes from here, expected ${end - start}`);
    }
    return found.bytes;
  }

  #removed(range: HeldRange): void {
    const ranges = this.#objects.get(range.key);
    ranges?.delete(range);
    if (ranges?.size === 0) this.#objects.delete(range.key);
  }
}
