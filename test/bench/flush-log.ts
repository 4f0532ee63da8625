import { decodeEntry } from '../../lib/journal/entry.ts';
import type { Stores } from '../../lib/storage/ports.ts';

/** An entry that names a WAL object is smaller than this, whatever it holds: only such bodies are looked into. */
const WAL_ENTRY_BYTES_MAX = 32 * 1024;

/** Flushes remembered; a run has fewer. */
const FLUSHES_MAX = 200_000;

/** Notes the sizes of the writes that make record data durable: inline entries and WAL objects. */
export class FlushLog {
  #sizes: number[] = [];
  /** Entries that only name a WAL object; a second write for the same data, which a bare append loop would not make. */
  #walEntries = 0;

  get sizes(): readonly number[] {
    return this.#sizes;
  }

  get walEntries(): number {
    return this.#walEntries;
  }

  reset(): void {
    this.#sizes = [];
    this.#walEntries = 0;
  }

  /** The same stores, with these writes noted. */
  watch(stores: Stores): Stores {
    const { journal, state, blobs } = stores;
    return {
      journal: {
        now: () => journal.now(),
        get: (pk, sk, consistent) => journal.get(pk, sk, consistent),
        query: (request) => journal.query(request),
        delete: (pk, sk, version, options) => journal.delete(pk, sk, version, options),
        put: (item, condition, options) => {
          this.#noteEntry(item.body);
          return journal.put(item, condition, options);
        },
      },
      state,
      blobs: {
        now: () => blobs.now(),
        get: (key) => blobs.get(key),
        getRange: (key, start, end) => blobs.getRange(key, start, end),
        delete: (key) => blobs.delete(key),
        list: (prefix, after, limit) => blobs.list(prefix, after, limit),
        put: (key, chunks, options) => {
          if (key.startsWith('wal/')) this.#note(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
          return blobs.put(key, chunks, options);
        },
      },
      close: () => stores.close(),
    };
  }

  #noteEntry(body: Buffer): void {
    if (body.length < WAL_ENTRY_BYTES_MAX) {
      const entry = decodeEntry(body);
      if (entry.kind !== 'records') return;
      if (entry.payload.kind === 'wal') {
        this.#walEntries++;
        return;
      }
    }
    this.#note(body.length);
  }

  #note(bytes: number): void {
    if (this.#sizes.length < FLUSHES_MAX) this.#sizes.push(bytes);
  }
}
