import type { Offset } from '../core/offset.ts';
import { entryPk, entrySk, slotOf } from '../storage/items/journal-entry.ts';
import type { BatchMeta, MarkersEntry, RecordsEntry } from './entry.ts';
import type { CachedEntry } from './entry-cache.ts';
import { decodeItem, type Journal } from './journal.ts';
import type { PartitionView } from './view.ts';

/** The batches to look for. */
export interface SearchRange {
  readonly partition: number;
  /** The first batch is the one that holds this offset, whole. */
  readonly from: Offset;
  /** Batches that start at or after it are not looked for. */
  readonly to: Offset;
}

/** A batch and the entry that holds it, whose bytes may have to be read yet. */
export interface FoundBatch {
  readonly meta: BatchMeta;
  readonly cached: CachedEntry;
  readonly entry: RecordsEntry | MarkersEntry;
}

/**
 * How far a search has come.
 *
 * - `end`: all batches of the range are found.
 * - `full`: the next batch does not fit.
 * - `page`: the next entry is not in memory; `loadPage` reads it.
 * - `gone`: the next batch was deleted. Nothing is passed over, so the search ends before it.
 */
export type SearchState = 'end' | 'full' | 'page' | 'gone';

/**
 * Pages of entries that one search reads at most once it has found something: a partition that shares its journal with
 * busier ones has its batches far apart.
 */
const PAGES_MAX = 8;

/** The slots between were deleted: what was asked for is no longer in the journal. */
export class EntriesGoneError extends Error {
  override readonly name = 'EntriesGoneError';
}

/**
 * Finds the batches of one partition in order. `advance` uses only memory; the pages that it lacks are read by `loadPage`,
 * so that a caller with many searches can read for all of them at the same time.
 */
export class BatchSearch {
  readonly #journal: Journal;
  readonly #range: SearchRange;
  readonly #partition: PartitionView | undefined;
  readonly #found: FoundBatch[] = [];
  /** The last slot that the view knew when the search began. */
  readonly #lastSeq: number;
  #size = 0;
  #pages = 0;
  #next: Offset;
  #seq: number;
  /** Bytes of the batch at `#next`, once it was seen: whether it fits is known then without its entry. */
  #nextBytes: number | undefined;
  /** The page that was read last, until `advance` has used it: the cache may be too small for it. */
  #page: CachedEntry[] = [];

  /** The view must have reached `range.to`. */
  constructor(journal: Journal, range: SearchRange) {
    this.#journal = journal;
    this.#range = range;
    this.#partition = journal.view.partitions.get(range.partition);
    this.#lastSeq = journal.view.seq;
    this.#next = range.from;
    // The index leads past stretches that are other partitions' alone, where a place may be from long before.
    this.#seq = Math.max(journal.places.get(range.partition, range.from) ?? 0, this.#firstSlot());
  }

  /** In the order of their offsets. */
  get found(): readonly FoundBatch[] {
    return this.#found;
  }

  /** The offset after the batches found; before any was found, the one that the range begins with. */
  get next(): Offset {
    return this.#next;
  }

  /** Bytes of the batches found. */
  get size(): number {
    return this.#size;
  }

  /**
   * Finds what memory holds: batches of at most `maxBytes` together, the first one whatever its size if `atLeastOne`. What
   * was found before counts, and what of it does not fit any more is dropped, to be found again. `page` is returned at most
   * as often as a search may read pages.
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
   * Reads a page of entries from the slot on that is not in memory. The first one is in a later slot where those before it
   * were deleted: an index that leads to the neighbourhood may lead below the log start. Throws StoreUnavailableError, and
   * EntriesGoneError where nothing is left.
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
    if (this.#partition === undefined) return 'end';
    if (this.#nextBytes !== undefined && !this.#hasRoom(this.#nextBytes, maxBytes, atLeastOne)) return 'full';
    for (; this.#seq <= this.#lastSeq && this.#next < to; this.#seq = Math.max(this.#seq + 1, this.#firstSlot())) {
      const cached = this.#entryAt(this.#seq);
      if (cached === undefined) return 'page';
      const { entry } = cached;
      if (entry.kind !== 'records' && entry.kind !== 'markers') continue;
      for (const meta of entry.batches) {
        if (meta.partition !== partition || meta.baseOffset + meta.lastOffsetDelta < this.#next) continue;
        if (meta.baseOffset >= to) return 'end';
        // What lies between was deleted, or the index was moved on with the log start: nothing is passed over.
        if (meta.baseOffset > this.#next) return 'gone';
        this.#nextBytes = meta.size;
        if (!this.#hasRoom(meta.size, maxBytes, atLeastOne)) return 'full';
        this.#found.push({ meta, cached, entry });
        this.#size += meta.size;
        this.#next = meta.baseOffset + meta.lastOffsetDelta + 1;
        this.#nextBytes = undefined;
      }
    }
    return 'end';
  }

  #entryAt(seq: number): CachedEntry | undefined {
    const first = this.#page[0];
    const paged = first === undefined ? undefined : this.#page[seq - first.seq];
    return paged ?? this.#journal.env.cache.get(this.#journal.id, seq);
  }

  /** Whether a batch of so many bytes fits behind those that were found. */
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

  /** A slot at or before the one that holds the next offset, as near as the index knows. */
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
