import { mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, messageOf } from './failures.ts';
import { syncDirectory } from './sync.ts';

/** Increased when older programs cannot read what the new one writes. */
const STORE_FORMAT = 1;

const MARKER = 'format';

/** A store that cannot be opened. The message says what to do. */
export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
}

/**
 * Makes the directory `path` a store of this program's format unless it is one. Throws
 * StoreOpenError when that is not possible: a file, not writable, of a newer format, or with a
 * marker of another program. `unique` names this process's temporary file.
 */
export async function prepareDirectory(path: string, unique: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    if (!(await stat(path)).isDirectory()) throw new StoreOpenError(`${path} is a file, a directory is needed`);
    const marker = await readMarker(path);
    if (marker === undefined) await writeMarker(path, unique);
    else checkMarker(path, marker);
  } catch (error) {
    if (error instanceof StoreOpenError) throw error;
    throw new StoreOpenError(explain(path, error), { cause: error });
  }
}

/** The message for a user when opening failed. */
export function explain(path: string, error: unknown): string {
  switch (errorCode(error)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return `${path} is a file or lies below one, a directory is needed`;
    case 'EACCES':
    case 'EPERM':
    case 13:
      return `${path} cannot be written by this user`;
    case 'EROFS':
    case 30:
      return `${path} is on a read-only file system`;
    case 'ENOSPC':
    case 28:
      return `the disk of ${path} is full`;
    default:
      return `the store in ${path} cannot be opened: ${messageOf(error)}`;
  }
}

async function readMarker(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(path, MARKER), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function checkMarker(path: string, marker: string): void {
  const format = /^tidelog-store (\d+)\n$/.exec(marker)?.[1];
  if (format === undefined) throw new StoreOpenError(`${path} holds a file '${MARKER}' that is not of a store`);
  if (Number(format) > STORE_FORMAT) {
    throw new StoreOpenError(
      `the store in ${path} has format ${format}, this program knows up to ${STORE_FORMAT}: use a newer one`,
    );
  }
}

/** Processes may race here: all of them write the same bytes, and the rename is atomic. */
async function writeMarker(path: string, unique: string): Promise<void> {
  const temporary = join(path, `${MARKER}.${unique}`);
  const file = await open(temporary, 'wx');
  try {
    await file.writeFile(`tidelog-store ${STORE_FORMAT}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(path, MARKER));
  await syncDirectory(path);
}
