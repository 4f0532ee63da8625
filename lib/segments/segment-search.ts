import { MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import type { Uuid } from '../core/uuid.ts';
import { BATCH_OVERHEAD_BYTES } from '../records/batch.ts';
import { BatchWalk } from './batch-walk.ts';
import { malformed } from './format/malformed.ts';
import { type HeldRange, ObjectMissingError } from './object-ranges.ts';
import { GET_BYTES_MAX, GET_BYTES_MIN, logEnd, roundUp } from './read-sizes.ts';
import type { HistoryPart, Place, SegmentSource } from './segment-source.ts';

export interface SegmentRange {
  readonly topicId: Uuid;
  readonly partition: number;
  /** The first batch is the one that contains this offset, or else the next one. */
  readonly from: Offset;
  /**
   * Exclusive: batches with this base offset or a higher one are not read. Segments must cover the
   * offsets below it.
   */
  readonly to: Offset;
}

/** Batches that lie one after the other in memory. */
export interface BatchRun {
  readonly bytes: Buffer;
  readonly lastOffset: Offset;
  /** Whether some of them are part of a transaction and have records of a client. */
  readonly isTransactional: boolean;
}

/**
 * - `end`: all batches of the range were found.
 * - `full`: the next batch does not fit.
 * - `page`: the next batch is not in memory; `load` reads on.
 */
export type SegmentSearchState = 'end' | 'full' | 'page';

/**
 * Segments that one search reads once it has found a batch. Those of a quiet partition may be
 * small, and each costs two requests, one after the other.
 */
const SEGMENTS_MAX = 8;

/** Bytes that one `load` reads, in several GETs at the same time. */
const LOAD_BYTES_MAX = 8 * GET_BYTES_MAX;

/** An object can be replaced while it is looked up, so more than one look-up may be needed. */
const LOOK_UPS_MAX = 3;

/** The position of a search in a segment. */
interface Here {
  readonly part: HistoryPart;
  readonly walk: BatchWalk;
  /** In the object. */
  readonly at: number;
  /** The batch at `at` does not begin below it. */
  readonly floor: Offset;
  /** A position in the object that is not before the end of the first wanted batch, if known. */
  readonly firstEnd: number;
}

/**
 * Finds the batches of one partition in its segments, in order. `advance` uses memory only, and
 * `load` reads what is missing, so that a caller with several searches can read for all of them in
 * parallel. Compaction leaves gaps between batches and empty segments. A segment covers its offsets
 * all the same, and the next one begins where it ends.
 */
export class SegmentSearch {
  readonly range: SegmentRange;
  /** Whether the search goes on where another one stopped. */
  readonly continues: boolean;
  readonly #source: SegmentSource;
  #here: Here | undefined;
  /** When the segment was found where another search went before; ms. */
  #since: number | undefined;
  /** The position of the first batch found. */
  #first: Here | undefined;
  #next: Offset;
  #found: BatchRun[] = [];
  #size = 0;
  #segments = 0;
  /** What was read, because the cache may be too small for it. */
  readonly #held: HeldRange[] = [];
  /** Bytes of the next batch, or of its header, if memory holds a part of it only. */
  #lacks = 0;
  /** Why there is no batch at `#here`. */
  #damage: MalformedBytesError | undefined;

  constructor(source: SegmentSource, range: SegmentRange) {
    this.range = range;
    this.#source = source;
    this.#next = range.from;
    const stopped = source.stoppedAt(range.topicId, range.partition, range.from);
    this.continues = stopped !== undefined;
    const place = stopped?.place;
    if (place === undefined) return;
    this.#here = hereAt(place.part, place.at, range.from, place.at);
    this.#since = stopped?.at;
  }

  /** In offset order. */
  get found(): readonly BatchRun[] {
    return this.#found;
  }

  /** The offset after the batches found and the segments that were passed. */
  get next(): Offset {
    return this.#next;
  }

  /** Size of the batches found; bytes. */
  get size(): number {
    return this.#size;
  }

  /** Bytes from here to the end of the segment; 0 before the segment is known. */
  get ahead(): number {
    return this.#here === undefined ? 0 : logEnd(this.#here.part) - this.#here.at;
  }

  /** The position of the next batch; undefined if the search has passed a whole segment. */
  get place(): Place | undefined {
    return this.#here;
  }

  /**
   * Finds the batches that memory holds, up to a total of `maxBytes`. With `atLeastOne` the first
   * batch may be larger. Earlier finds count; if they no longer fit, the search begins again.
   */
  advance(maxBytes: number, atLeastOne: boolean): SegmentSearchState {
    if (this.#size > maxBytes) this.#beginAgain();
    this.#lacks = 0;
    for (;;) {
      if (this.#next >= this.range.to) return 'end';
      const here = this.#here;
      if (here === undefined) return this.#segments >= SEGMENTS_MAX && this.#size > 0 ? 'full' : 'page';
      if (here.at >= logEnd(here.part)) {
        this.#next = here.part.nextOffset;
        this.#here = undefined;
        continue;
      }
      const held = this.#heldAt(here);
      const state = held === undefined ? 'page' : this.#findIn(here, held, maxBytes, atLeastOne);
      if (state !== 'more') return state;
    }
  }

  /** Walks through the batches of a range that is in memory; `more` when it has reached its end. */
  #findIn(
    here: Here,
    { bytes, start }: { readonly bytes: Buffer; readonly start: number },
    maxBytes: number,
    atLeastOne: boolean,
  ): SegmentSearchState | 'more' {
    const { part, walk } = here;
    const end = Math.min(bytes.length, logEnd(part) - start);
    let at = here.at - start;
    let floor = here.floor;
    let runFrom = -1;
    let isTransactional = false;
    let state: SegmentSearchState | 'more' = 'more';
    while (at < end) {
      if (!this.#isWhole(here, bytes, at, start, floor)) {
        state = 'page';
        break;
      }
      const { sizeInBytes, lastOffset } = walk;
      if (lastOffset >= this.#next) {
        if (walk.baseOffset >= this.range.to) state = 'end';
        else if (this.#size + sizeInBytes > maxBytes && !(atLeastOne && this.#size === 0)) state = 'full';
        else if (at + sizeInBytes > bytes.length) {
          this.#lacks = sizeInBytes;
          state = 'page';
        }
        if (state !== 'more') break;
        if (runFrom < 0) runFrom = at;
        this.#first ??= { ...here, at: start + at, floor };
        isTransactional ||= walk.isTransactional;
        this.#size += sizeInBytes;
        this.#next = lastOffset + 1;
      }
      at += sizeInBytes;
      floor = lastOffset + 1;
    }
    if (runFrom >= 0) this.#found.push({ bytes: bytes.subarray(runFrom, at), lastOffset: floor - 1, isTransactional });
    this.#here = { ...here, at: start + at, floor };
    return state;
  }

  /**
   * Reads the header of a batch. False if memory does not have the whole header, or if the log is
   * damaged here: `load` reads it or throws.
   */
  #isWhole({ part, walk }: Here, bytes: Buffer, at: number, start: number, floor: Offset): boolean {
    try {
      const hasHeader = walk.read(bytes, at, start, floor);
      const size = hasHeader ? walk.sizeInBytes : BATCH_OVERHEAD_BYTES;
      if (start + at + size > logEnd(part)) throw malformed(part.key, start + at, 'the log ends inside a batch');
      if (!hasHeader) this.#lacks = size;
      return hasHeader;
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      this.#damage = error;
      return false;
    }
  }

  /** The range in memory that has the most bytes from here on. */
  #heldAt({ part: { key }, at }: Here): { readonly bytes: Buffer; readonly start: number } | undefined {
    let best: HeldRange | undefined;
    for (const one of this.#held) {
      if (one.key === key && one.start <= at && at < one.end && one.end > (best?.end ?? 0)) best = one;
    }
    const cached = this.#source.ranges.at(key, at);
    if (cached?.bytes !== undefined && cached.end > (best?.end ?? 0)) {
      this.#held.push(cached);
      best = cached;
    }
    return best?.bytes === undefined ? undefined : { bytes: best.bytes, start: best.start };
  }

  #beginAgain(): void {
    this.#here = this.#first;
    this.#next = this.range.from;
    this.#found = [];
    this.#size = 0;
  }

  /**
   * Reads on after `page`: finds the segment, or reads so much of it that the finds may reach
   * `maxBytes`. If an object is missing, its segment is looked up again, because it may have been
   * replaced. Throws StoreUnavailableError and MalformedBytesError.
   */
  async load(maxBytes: number): Promise<void> {
    if (this.#damage !== undefined) {
      // The next search reads these bytes again.
      if (this.#here !== undefined) this.#source.ranges.forget(this.#here.part.key);
      throw this.#damage;
    }
    let missing: ObjectMissingError | undefined;
    for (let lookUps = 0; ; lookUps++) {
      try {
        if (this.#here === undefined) this.#here = await this.#locate(missing);
        else await this.#read(this.#here, maxBytes);
        return;
      } catch (error) {
        if (!(error instanceof ObjectMissingError) || error === missing || lookUps >= LOOK_UPS_MAX) throw error;
        missing = error;
        this.#here = undefined;
      }
    }
  }

  async #locate(missing: ObjectMissingError | undefined): Promise<Here> {
    const { topicId, partition } = this.range;
    this.#since = undefined;
    const part = await this.#source.partAt(topicId, partition, this.#next, missing !== undefined);
    if (part.key === missing?.key) throw missing;
    this.#segments += 1;
    const { start, length } = part.log;
    if (length === 0 || this.#next <= part.baseOffset) return hereAt(part, start, part.baseOffset, start);
    const { offsets } = await this.#forgetIfMissing(part, this.#source.indexesOf(part));
    const at = start + offsets.positionAtOrBefore(this.#next);
    return hereAt(part, at, part.baseOffset, start + offsets.positionAfter(this.#next));
  }

  async #read({ part, at, firstEnd }: Here, maxBytes: number): Promise<void> {
    const last = logEnd(part);
    const ahead = Math.max(0, firstEnd - at);
    const wanted = ahead + Math.min(Math.max(0, maxBytes - this.#size), LOAD_BYTES_MAX);
    let end = Math.min(last, at + Math.max(this.#lacks, wanted, GET_BYTES_MIN));
    const isWhole = last - at <= GET_BYTES_MAX && last - end < GET_BYTES_MIN;
    const offsets = isWhole ? undefined : (await this.#forgetIfMissing(part, this.#source.indexesOf(part))).offsets;
    const rounded = (position: number) => (offsets === undefined ? last : roundUp(part, offsets, position));
    end = rounded(end);
    const ranges: HeldRange[] = [];
    for (let from = at; from < end; from = ranges.at(-1)!.end) {
      const known = this.#source.ranges.at(part.key, from);
      if (known !== undefined && (from > at || known.end >= Math.min(last, at + this.#lacks))) ranges.push(known);
      else {
        const least = from === at ? this.#lacks : 0;
        const to = rounded(Math.min(end, from + Math.max(least, GET_BYTES_MAX)));
        ranges.push(this.#source.ranges.read(part.key, from, Math.min(end, to)));
      }
    }
    for (const [index, range] of ranges.entries()) {
      try {
        await range.loading;
      } catch (error) {
        // What was read before is returned first. The next search meets the error again.
        if (index > 0) break;
        return await this.#forgetIfMissing(part, Promise.reject(error));
      }
      this.#held.push(range);
    }
  }

  async #forgetIfMissing<T>(part: HistoryPart, read: Promise<T>): Promise<T> {
    try {
      return await read;
    } catch (error) {
      if (error instanceof ObjectMissingError) this.#source.forget(this.range.topicId, part);
      throw error;
    }
  }

  /** Must be called at the end, so that a search that begins at `next` continues this one. */
  stop(): void {
    const last = this.#found.at(-1);
    if (last === undefined) return;
    const { topicId, partition } = this.range;
    this.#source.stop(topicId, partition, last.lastOffset + 1, this.#here, this.#since);
  }
}

function hereAt(part: HistoryPart, at: number, floor: Offset, firstEnd: number): Here {
  return { part, walk: new BatchWalk(part), at, floor, firstEnd };
}
