import type { Offset } from '../core/offset.ts';
import { entryPk, entrySk, slotOf } from '../storage/items/journal-entry.ts';
import type { BatchMeta, MarkersEntry, RecordsEntry } from './entry.ts';
import type { CachedEntry } from './entry-cache.ts';
import { decodeItem, type Journal } from './journal.ts';
import { entriesFrom, type PartitionView } from './view.ts';

/** The batches to find. */
export interface SearchRange {
  readonly partition: number;
  /** The first batch is the one that contains this offset. */
  readonly from: Offset;
  /** Exclusive: batches with this base offset or a higher one are not part of the range. */
  readonly to: Offset;
}

/** A batch and its entry. The entry's payload may not be in memory yet. */
export interface FoundBatch {
  readonly meta: BatchMeta;
  readonly cached: CachedEntry;
  readonly entry: RecordsEntry | MarkersEntry;
}

/**
 * The state of a search.
 *
 * - `end`: all batches of the range were found.
 * - `full`: the next batch does not fit.
 * - `page`: the next entry is not in memory; `loadPage` reads it.
 * - `gone`: the next batch is read from a segment, or it was deleted. The search never skips a batch,
 *   so it ends before this one.
 */
export type SearchState = 'end' | 'full' | 'page' | 'gone';

/**
 * Maximum pages that one search reads once it has found a batch. The batches of a quiet partition
 * that shares its journal with busy ones are far apart.
 */
const PAGES_MAX = 8;

/** The requested batches were deleted from the journal. */
export class EntriesGoneError extends Error {
  override readonly name = 'EntriesGoneError';
}

/**
 * Finds the batches of one partition in order. `advance` uses memory only, and `loadPage` reads a
 * missing page, so that a caller with several searches can read for all of them in parallel.
 */
export class BatchSearch {
  readonly #journal: Journal;
  readonly #range: SearchRange;
  readonly #partition: PartitionView | undefined;
  readonly #found: FoundBatch[] = [];
  /** The view's last slot when the search began. */
  readonly #lastSeq: number;
  #size = 0;
  #pages = 0;
  #next: Offset;
  #seq: number;
  /**
   * Size of the batch at `#next`, if known, so that `advance` can answer `full` without its entry;
   * bytes.
   */
  #nextBytes: number | undefined;
  /**
   * The page read last, kept until `advance` has used it, because the cache may be too small for
   * it.
   */
  #page: CachedEntry[] = [];

  /** The view must include all offsets below `range.to`. */
  constructor(journal: Journal, range: SearchRange) {
    this.#journal = journal;
    this.#range = range;
    this.#partition = journal.view.partitions.get(range.partition);
    this.#lastSeq = journal.view.seq;
    this.#next = range.from;
    // A place can be old. The index then gives a later slot, past entries of other partitions.
    this.#seq = Math.max(journal.places.get(range.partition, range.from) ?? 0, this.#firstSlot());
  }

  /** In offset order. */
  get found(): readonly FoundBatch[] {
    return this.#found;
  }

  /** The offset after the batches found; the start of the range if there are none. */
  get next(): Offset {
    return this.#next;
  }

  /** Size of the batches found; bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Finds the batches that memory holds, up to a total of `maxBytes`. With `atLeastOne` the first
   * batch may be larger. Earlier finds count. Those that no longer fit are dropped and can be found
   * again. Once a batch was found, `page` is returned at most PAGES_MAX times.
   */
  advance(maxBytes: number, atLeastOne: boolean): SearchState {
    this.#drop(maxBytes, atLeastOne);
    const state = this.#find(maxBytes, atLeastOne);
    this.#page = [];
    if (this.#found.length > 0 || state === 'full')
      this.#journal.places.set(this.#range.partition, this.#next, this.#seq);
    return state === 'page' && this.#pages >= PAGES_MAX && this.#found.length > 0 ? 'full' : state;
  }

  /**
   * Reads a page of entries, from the first slot that is not in memory. If entries were deleted, it
   * starts at the first one left: the index gives the start of a block, which may be below the log
   * start. Throws StoreUnavailableError, and EntriesGoneError if no entry is left.
   */
  async loadPage(): Promise<void> {
    this.#pages += 1;
    const { id, env } = this.#journal;
    const range = { pk: entryPk(id), from: entrySk(this.#seq), to: entrySk(this.#lastSeq + 1) };
    let page = await env.stores.journal.query({ ...range, consistent: false });
    if (!startsAt(page.items, this.#seq)) page = await env.stores.journal.query({ ...range, consistent: true });
    const first = page.items[0];
    if (first === undefined)
      throw new EntriesGoneError(`slots ${this.#seq} to ${this.#lastSeq} of journal ${id} are gone`);
    this.#seq = slotOf(first.sk);
    this.#page = [];
    for (const item of page.items) {
      if (slotOf(item.sk) !== this.#seq + this.#page.length) break;
      this.#page.push(env.cache.add(id, decodeItem(item)));
    }
  }

  #find(maxBytes: number, atLeastOne: boolean): SearchState {
    const { partition, to } = this.#range;
    if (this.#partition === undefined || this.#next >= to) return 'end';
    if (this.#next < entriesFrom(this.#partition)) return 'gone';
    if (this.#nextBytes !== undefined && !this.#hasRoom(this.#nextBytes, maxBytes, atLeastOne)) return 'full';
    for (; this.#seq <= this.#lastSeq && this.#next < to; this.#seq = Math.max(this.#seq + 1, this.#firstSlot())) {
      const cached = this.#entryAt(this.#seq);
      if (cached === undefined) return 'page';
      const { entry } = cached;
      if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
      for (const meta of entry.batches) {
        if (meta.partition !== partition || meta.baseOffset + meta.lastOffsetDelta < this.#next) continue;
        if (meta.baseOffset >= to) return 'end';
        // The batches in between were deleted, or the log start moved the index. None may be
        // skipped.
        if (meta.baseOffset > this.#next) return 'gone';
        this.#nextBytes = meta.size;
        if (!this.#hasRoom(meta.size, maxBytes, atLeastOne)) return 'full';
        this.#found.push({ meta, cached, entry });
        this.#size += meta.size;
        this.#next = meta.baseOffset + meta.lastOffsetDelta + 1;
        this.#nextBytes = undefined;
      }
    }
    // The view has batches up to `to`, so those that no entry holds were deleted.
    return this.#next < to ? 'gone' : 'end';
  }

  #entryAt(seq: number): CachedEntry | undefined {
    const first = this.#page[0];
    const paged = first === undefined ? undefined : this.#page[seq - first.seq];
    return paged ?? this.#journal.env.cache.get(this.#journal.id, seq);
  }

  /** Whether a batch of this size fits after those found. */
  #hasRoom(bytes: number, maxBytes: number, atLeastOne: boolean): boolean {
    return this.#size + bytes <= maxBytes || (this.#found.length === 0 && atLeastOne);
  }

  #drop(maxBytes: number, atLeastOne: boolean): void {
    while (this.#size > maxBytes && this.#found.length > (atLeastOne ? 1 : 0)) {
      const { meta, cached } = this.#found.pop()!;
      this.#size -= meta.size;
      this.#seq = cached.seq;
      this.#next = this.#found.length === 0 ? this.#range.from : meta.baseOffset;
      this.#nextBytes = meta.size;
    }
  }

  /** The last slot, according to the index, that is not after the slot of the next offset. */
  #firstSlot(): number {
    const { recent, blocks } = this.#partition ?? { recent: [], blocks: [] };
    const rows = (recent[0]?.baseOffset ?? Number.POSITIVE_INFINITY) <= this.#next ? recent : blocks;
    let low = 0;
    let high = rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (rows[middle]!.baseOffset <= this.#next) low = middle;
      else high = middle - 1;
    }
    return rows[low]?.seq ?? recent[0]?.seq ?? 0;
  }
}

function startsAt(items: readonly { sk: string }[], seq: number): boolean {
  return items[0] !== undefined && slotOf(items[0].sk) === seq;
}
