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

interface Node {
  readonly journal: JournalId;
  readonly cached: CachedEntry;
  bytes: number;
}

/** What an entry takes beside its payload: objects, keys, list nodes; an estimate that keeps small entries bounded. */
const ENTRY_OVERHEAD_BYTES = 512;

/** Recently written and read entries of all journals, bounded in bytes; the least recently used go first. */
export class EntryCache {
  readonly #capacity: number;
  readonly #journals = new Map<JournalId, Map<number, Node>>();
  /** In order of use, oldest first. */
  readonly #order = new Set<Node>();
  /** Stands before the oldest node: to begin anew each time would pass over all that were removed lately. */
  #oldest = this.#order.values();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(capacityBytes: number) {
    this.#capacity = capacityBytes;
  }

  get bytes(): number {
    return this.#bytes;
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
    const node = this.#journals.get(journal)?.get(seq);
    if (node === undefined) {
      this.#misses += 1;
      return undefined;
    }
    this.#hits += 1;
    this.#order.delete(node);
    this.#order.add(node);
    return node.cached;
  }

  /** Keeps an entry, unless it is there already with as much of it: what is returned is the one to use. */
  add(journal: JournalId, cached: CachedEntry): CachedEntry {
    const known = this.#journals.get(journal)?.get(cached.seq);
    if (known !== undefined) {
      if (known.cached.payload !== undefined || cached.payload === undefined) return known.cached;
      this.#remove(known);
    }
    let entries = this.#journals.get(journal);
    if (entries === undefined) {
      entries = new Map();
      this.#journals.set(journal, entries);
    }
    const node = { journal, cached, bytes: sizeOf(cached) };
    entries.set(cached.seq, node);
    this.#order.add(node);
    this.#bytes += node.bytes;
    this.#evict();
    return cached;
  }

  /** To be called when a payload was read after the entry had been added. */
  grown(journal: JournalId, cached: CachedEntry): void {
    const node = this.#journals.get(journal)?.get(cached.seq);
    if (node?.cached !== cached) return;
    this.#bytes += sizeOf(cached) - node.bytes;
    node.bytes = sizeOf(cached);
    this.#evict();
  }

  /** Lets go of all entries of a journal. */
  forget(journal: JournalId): void {
    for (const node of [...(this.#journals.get(journal)?.values() ?? [])]) this.#remove(node);
  }

  #evict(): void {
    while (this.#bytes > this.#capacity) {
      const next = this.#oldest.next();
      if (!next.done) this.#remove(next.value);
      else if (this.#order.size > 0) this.#oldest = this.#order.values();
      else return;
    }
  }

  #remove(node: Node): void {
    this.#order.delete(node);
    this.#bytes -= node.bytes;
    const entries = this.#journals.get(node.journal);
    entries?.delete(node.cached.seq);
    if (entries?.size === 0) this.#journals.delete(node.journal);
  }
}

function sizeOf(cached: CachedEntry): number {
  const batches = cached.entry.kind === 'records' || cached.entry.kind === 'markers' ? cached.entry.batches.length : 0;
  return ENTRY_OVERHEAD_BYTES + batches * 128 + (cached.payload?.length ?? 0);
}
