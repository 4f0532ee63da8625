import { fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errorCode } from './failures.ts';

interface Entry {
  readonly handle: Promise<FileHandle>;
  users: number;
  evicted: boolean;
}

/**
 * Open files for reading; the least recently used is closed first. A file that any process deleted or replaced is
 * recognised by its link count and opened again.
 */
export class HandleCache {
  readonly #entries = new Map<string, Entry>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Runs `perform` with the open file and its size; undefined if there is none of that path. */
  async use<T>(path: string, perform: (handle: FileHandle, size: number) => Promise<T>): Promise<T | undefined> {
    for (;;) {
      const entry = this.#entries.get(path) ?? this.#add(path);
      this.#entries.delete(path);
      this.#entries.set(path, entry);
      entry.users++;
      try {
        const handle = await entry.handle;
        const { nlink, size } = fstatSync(handle.fd);
        if (nlink > 0) return await perform(handle, size);
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
    for (const [path, entry] of [...this.#entries]) this.#evict(path, entry);
  }

  #add(path: string): Entry {
    const entry: Entry = { handle: open(path, 'r'), users: 0, evicted: false };
    this.#entries.set(path, entry);
    if (this.#entries.size > this.#capacity) {
      const [oldestPath, oldest] = this.#entries.entries().next().value!;
      this.#evict(oldestPath, oldest);
    }
    return entry;
  }

  #evict(path: string, entry: Entry): void {
    if (this.#entries.get(path) === entry) this.#entries.delete(path);
    if (entry.evicted) return;
    entry.evicted = true;
    closeIfUnused(entry);
  }
}

function closeIfUnused(entry: Entry): void {
  if (!entry.evicted || entry.users > 0) return;
  // A file that could not be opened needs no close, and a failed close does not concern a reader.
  entry.handle.then((handle) => handle.close()).catch(() => undefined);
}
