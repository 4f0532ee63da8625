import { futimesSync, type Stats } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Random } from '../../core/random.ts';
import { isBlobKey } from '../item-rules.ts';
import type { StoreTime } from '../ports.ts';
import {
  type BlobInfo,
  type BlobPutOutcome,
  type BlobRange,
  type BlobStore,
  type PutOptions,
  StoreUnavailableError,
} from '../ports.ts';
import { blobPath, keysUnder, TEMPORARY_DIRECTORY } from './blob-path.ts';
import { DurableNames } from './durable-names.ts';
import { errorCode, messageOf, unavailable } from './failures.ts';
import { HandleCache } from './handle-cache.ts';
import type { StoreTimer } from './store-time.ts';

/**
 * Segments and WAL objects being read at one time; far below the usual limit of 1,024 descriptors.
 */
const MAX_OPEN_FILES = 128;

/** A put never takes this long; an older temporary file was left by a crash. */
const TEMPORARY_MAX_AGE_MS = 60 * 60 * 1000;

/** IOV_MAX of Linux and macOS. */
const MAX_CHUNKS_PER_WRITE = 1024;

/**
 * Objects as files. A put writes a temporary file, makes its bytes durable (fdatasync), gives it
 * its name (rename), and makes the name durable (fsync of the directory). In this order no reader
 * sees a part of an object, and a `stored` object survives a crash. On ext4 the directory's fsync
 * costs 0.3 ms, as the fdatasync has written the journal already; leaving it out would rely on ext4
 * instead of POSIX.
 */
export class BlobFiles implements BlobStore {
  readonly #root: string;
  readonly #timer: StoreTimer;
  readonly #random: Random;
  readonly #names: DurableNames;
  readonly #open = new HandleCache(MAX_OPEN_FILES);

  constructor(root: string, timer: StoreTimer, random: Random) {
    this.#root = root;
    this.#timer = timer;
    this.#random = random;
    this.#names = new DurableNames(root);
  }

  now(): StoreTime {
    return this.#timer.now();
  }

  /** Makes the directory for temporary files and removes what crashes left in it. */
  async prepare(): Promise<void> {
    const directory = join(this.#root, TEMPORARY_DIRECTORY);
    await mkdir(directory, { recursive: true });
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      const stats = await statOrUndefined(path);
      if (stats !== undefined && stats.mtimeMs < this.#timer.now() - TEMPORARY_MAX_AGE_MS) await unlinkIfThere(path);
    }
  }

  async put(key: string, chunks: readonly Buffer[], options?: Pick<PutOptions, 'signBefore'>): Promise<BlobPutOutcome> {
    if (!isBlobKey(key)) return { kind: 'refused', reason: 'rejected', message: `not a key for an object: ${key}` };
    const signature = this.#timer.sign();
    const path = blobPath(this.#root, key);
    const temporary = join(this.#root, TEMPORARY_DIRECTORY, this.#random.bytes(16).toString('hex'));
    let storeTime: StoreTime;
    try {
      await this.#names.ensure(dirname(path));
      storeTime = await writeFile(temporary, chunks, () => this.#timer.now());
      const late = this.#timer.refusal(signature, options);
      if (late !== undefined) {
        await unlinkIfThere(temporary);
        return { kind: 'refused', ...late };
      }
      await rename(temporary, path);
    } catch (error) {
      await unlinkIfThere(temporary).catch(() => undefined);
      return unavailable(`the object was not written: ${messageOf(error)}`);
    }
    try {
      await this.#names.sync(dirname(path));
    } catch (error) {
      return { kind: 'unknown', message: `the object's name may not be durable: ${messageOf(error)}` };
    }
    return { kind: 'stored', storeTime };
  }

  getRange(key: string, start: number, end: number): Promise<BlobRange> {
    return this.#read(key, start, end);
  }

  get(key: string): Promise<BlobRange> {
    return this.#read(key, 0, Number.POSITIVE_INFINITY);
  }

  async delete(key: string): Promise<void> {
    if (!isBlobKey(key)) return;
    try {
      await unlinkIfThere(blobPath(this.#root, key));
    } catch (error) {
      throw new StoreUnavailableError(`the object was not deleted: ${messageOf(error)}`, { cause: error });
    }
  }

  async list(prefix: string, after: string | undefined, limit: number): Promise<readonly BlobInfo[]> {
    const found: BlobInfo[] = [];
    try {
      for await (const key of keysUnder(this.#root, prefix, after)) {
        if (found.length >= limit) break;
        const stats = await statOrUndefined(blobPath(this.#root, key));
        if (stats !== undefined) found.push({ key, ...infoOf(stats) });
      }
    } catch (error) {
      throw new StoreUnavailableError(`the objects cannot be listed: ${messageOf(error)}`, { cause: error });
    }
    return found;
  }

  close(): void {
    this.#open.close();
    this.#names.close();
  }

  async #read(key: string, start: number, end: number): Promise<BlobRange> {
    const storeTime = this.#timer.now();
    if (!isBlobKey(key)) return { kind: 'missing', storeTime };
    try {
      const found = await this.#open.use(blobPath(this.#root, key), async (handle, stats) => ({
        bytes: await readRange(handle, start, Math.min(end, stats.size)),
        ...infoOf(stats),
      }));
      return found === undefined ? { kind: 'missing', storeTime } : { kind: 'found', ...found, storeTime };
    } catch (error) {
      throw new StoreUnavailableError(`the object cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
}

/**
 * Writes and syncs; returns the store time, from `now`, that the file carries as its modification
 * time. On a busy machine each call of the thread pool waits for a core, and a flush waits for all of
 * them. So the time is set at once, which does not touch the disk, and nobody waits for the close of a
 * file that is on disk.
 */
async function writeFile(path: string, chunks: readonly Buffer[], now: () => StoreTime): Promise<StoreTime> {
  const file = await open(path, 'wx');
  try {
    await writeAll(file, chunks);
    const storeTime = now();
    futimesSync(file.fd, storeTime / 1000, storeTime / 1000);
    await file.datasync();
    return storeTime;
  } finally {
    file.close().catch(() => undefined);
  }
}

/**
 * writev may write only a part, for example on a disk that fills up. The next call writes the rest
 * or reports the error.
 */
async function writeAll(file: FileHandle, chunks: readonly Buffer[]): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0);
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left.slice(0, MAX_CHUNKS_PER_WRITE));
    let whole = 0;
    while (whole < left.length && bytesWritten >= left[whole]!.length) bytesWritten -= left[whole++]!.length;
    left = left.slice(whole);
    if (bytesWritten > 0) left[0] = left[0]!.subarray(bytesWritten);
  }
}

async function readRange(handle: FileHandle, start: number, end: number): Promise<Buffer> {
  const length = Math.max(0, end - start);
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, start + filled);
    if (bytesRead === 0) throw new Error('the file is shorter than its size');
    filled += bytesRead;
  }
  return bytes;
}

function infoOf({ size, mtimeMs }: Stats): { size: number; modified: StoreTime } {
  return { size, modified: Math.round(mtimeMs) };
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
