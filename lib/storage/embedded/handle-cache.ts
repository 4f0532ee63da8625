import { fstatSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { LRUCache } from 'lru-cache';
import { boundedMap } from '../../kit/bounded-map.ts';
import { errorCode } from './failures.ts';

interface Entry {
  readonly handle: Promise<FileHandle>;
  users: number;
  evicted: boolean;
}

/**
 * Open files for reading; the least recently used is closed first. A file that any process deleted
 * or replaced is recognised by its link count and opened again.
 */
export class HandleCache {
  readonly #entries: LRUCache<string, Entry>;

  constructor(capacity: number) {
    this.#entries = boundedMap(capacity, (entry) => {
      entry.evicted = true;
      closeIfUnused(entry);
    });
  }

  /** Runs `perform` with the open file and what it is; undefined if there is none of that path. */
  async use<T>(path: string, perform: (handle: FileHandle, stats: Stats) => Promise<T>): Promise<T | undefined> {
    for (;;) {
      const entry = this.#entries.get(path) ?? this.#add(path);
      entry.users++;
      try {
        const handle = await entry.handle;
        const stats = fstatSync(handle.fd);
        if (stats.nlink > 0) return await perform(handle, stats);
        this.#evict(path, entry);
      } catch (error) {
        this.#evict(path, entry);
        if (errorCode(error) === 'ENOENT') return undefined;
        throw error;
      } finally {
        entry.users--;
        closeIfUnused(entry);
      }
    }
  }

  /** Closes the files that are not in use at once, and the others after their last use. */
  close(): void {
    this.#entries.clear();
  }

  #add(path: string): Entry {
    const entry: Entry = { handle: open(path, 'r'), users: 0, evicted: false };
    this.#entries.set(path, entry);
    return entry;
  }

  #evict(path: string, entry: Entry): void {
    if (this.#entries.peek(path) === entry) this.#entries.delete(path);
  }
}

function closeIfUnused(entry: Entry): void {
  if (!entry.evicted || entry.users > 0) return;
  // A file that could not be opened needs no close, and a failed close does not concern a reader.
  entry.handle.then((handle) => handle.close()).catch(() => undefined);
}
