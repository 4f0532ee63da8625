import { LRUCache } from 'lru-cache';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { Entry } from './entry.ts';
import { PART_MEMORY_BYTES } from './segment-part.ts';

/** A decoded entry and its payload. */
export interface CachedEntry {
  readonly seq: number;
  readonly entry: Entry;
  /**
   * The bytes of the batches, in the entry's order, with offsets and epoch set. Undefined until
   * they are read.
   */
  payload: Buffer | undefined;
  /** Set during the read of the payload. */
  loading?: Promise<Buffer> | undefined;
}

/**
 * Memory of an entry without its payload: objects, keys, list nodes. An estimate, so that many
 * small entries count too; bytes.
 */
const ENTRY_OVERHEAD_BYTES = 512;

/**
 * Caches recently written and read entries of all journals, bounded in bytes, with LRU eviction.
 */
export class EntryCache {
  readonly #journals = new Map<JournalId, Map<number, CachedEntry>>();
  /** The entries in order of use, with the journal of each. */
  readonly #used: LRUCache<CachedEntry, JournalId>;
  #hits = 0;
  #misses = 0;

  constructor(capacityBytes: number) {
    this.#used = new LRUCache({
      // lru-cache does not accept 0. With 1 byte no entry fits.
      maxSize: Math.max(1, capacityBytes),
      sizeCalculation: (_, cached) => sizeOf(cached),
      dispose: (journal, cached) => this.#removed(journal, cached),
    });
  }

  get bytes(): number {
    return this.#used.calculatedSize;
  }

  /** Look-ups that found their entry. */
  get hits(): number {
    return this.#hits;
  }

  /** Look-ups that did not. */
  get misses(): number {
    return this.#misses;
  }

  get(journal: JournalId, seq: number): CachedEntry | undefined {
    const cached = this.#journals.get(journal)?.get(seq);
    if (cached === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#used.get(cached);
    return cached;
  }

  /** As `get`, but it counts neither as a look-up nor as use. */
  peek(journal: JournalId, seq: number): CachedEntry | undefined {
    return this.#journals.get(journal)?.get(seq);
  }

  /**
   * Adds an entry, unless the cached one has at least as much data. The caller must use the
   * returned entry.
   */
  add(journal: JournalId, cached: CachedEntry): CachedEntry {
    const known = this.#journals.get(journal)?.get(cached.seq);
    if (known !== undefined) {
      if (known.payload !== undefined || cached.payload === undefined) return known;
      this.#used.delete(known);
    }
    this.#insert(journal, cached);
    return cached;
  }

  /** Must be called after a payload was read into a cached entry. */
  grown(journal: JournalId, cached: CachedEntry): void {
    // lru-cache computes the size on insertion only.
    if (this.#used.delete(cached)) this.#insert(journal, cached);
  }

  /** Removes all entries of a journal. */
  forget(journal: JournalId): void {
    for (const cached of [...(this.#journals.get(journal)?.values() ?? [])]) this.#used.delete(cached);
  }

  #insert(journal: JournalId, cached: CachedEntry): void {
    this.#used.set(cached, journal);
    // An entry that is larger than the whole cache is not kept.
    if (!this.#used.has(cached)) return;
    const entries = this.#journals.get(journal);
    if (entries === undefined) this.#journals.set(journal, new Map([[cached.seq, cached]]));
    else entries.set(cached.seq, cached);
  }

  #removed(journal: JournalId, { seq }: CachedEntry): void {
    const entries = this.#journals.get(journal);
    entries?.delete(seq);
    if (entries?.size === 0) this.#journals.delete(journal);
  }
}

function sizeOf(cached: CachedEntry): number {
  const { entry, payload } = cached;
  const batches = 'batches' in entry ? entry.batches.length : 0;
  const parts = 'parts' in entry ? entry.parts.length : 0;
  return ENTRY_OVERHEAD_BYTES + batches * 128 + parts * PART_MEMORY_BYTES + (payload?.length ?? 0);
}
