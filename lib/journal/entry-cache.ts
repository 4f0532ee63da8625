import { LRUCache } from 'lru-cache';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { Entry } from './entry.ts';

/** An entry with what it takes to serve it again. */
export interface CachedEntry {
  readonly seq: number;
  readonly entry: Entry;
  /** The batches' bytes, one after the other as the entry lists them, offsets and epoch set; undefined: not read yet. */
  payload: Buffer | undefined;
  /** Set while the payload is being read. */
  loading?: Promise<Buffer> | undefined;
}

/** What an entry takes beside its payload: objects, keys, list nodes; an estimate that keeps small entries bounded. */
const ENTRY_OVERHEAD_BYTES = 512;

/** Recently written and read entries of all journals, bounded in bytes; the least recently used go first. */
export class EntryCache {
  readonly #journals = new Map<JournalId, Map<number, CachedEntry>>();
  /** The entries, each with its journal, in order of use. */
  readonly #used: LRUCache<CachedEntry, JournalId>;
  #hits = 0;
  #misses = 0;

  constructor(capacityBytes: number) {
    this.#used = new LRUCache({
      // lru-cache does not take 0; no entry is as small as one byte.
      maxSize: Math.max(1, capacityBytes),
      sizeCalculation: (_, cached) => sizeOf(cached),
      dispose: (journal, cached) => this.#removed(journal, cached),
    });
  }

  get bytes(): number {
    return this.#used.calculatedSize;
  }

  /** Look-ups since the start that found their entry. */
  get hits(): number {
    return this.#hits;
  }

  /** Look-ups since the start that did not. */
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

  /** Keeps an entry, unless it is there already with as much of it: what is returned is the one to use. */
  add(journal: JournalId, cached: CachedEntry): CachedEntry {
    const known = this.#journals.get(journal)?.get(cached.seq);
    if (known !== undefined) {
      if (known.payload !== undefined || cached.payload === undefined) return known;
      this.#used.delete(known);
    }
    this.#insert(journal, cached);
    return cached;
  }

  /** To be called when a payload was read after the entry had been added. */
  grown(journal: JournalId, cached: CachedEntry): void {
    // Its size is taken anew only when it is inserted.
    if (this.#used.delete(cached)) this.#insert(journal, cached);
  }

  /** Removes all entries of a journal. */
  forget(journal: JournalId): void {
    for (const cached of [...(this.#journals.get(journal)?.values() ?? [])]) this.#used.delete(cached);
  }

  #insert(journal: JournalId, cached: CachedEntry): void {
    this.#used.set(cached, journal);
    // One that is larger than the whole cache is not kept.
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
  const batches = cached.entry.kind === 'records' || cached.entry.kind === 'markers' ? cached.entry.batches.length : 0;
  return ENTRY_OVERHEAD_BYTES + batches * 128 + (cached.payload?.length ?? 0);
}
