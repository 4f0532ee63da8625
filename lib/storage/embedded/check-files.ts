import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './failures.ts';
import { StoreOpenError } from './format.ts';
import { damageOf } from './lmdb-file.ts';

/**
 * Checks LMDB's files before LMDB opens them. lmdb 3.5 kills the process (SIGSEGV) when opening
 * fails half way, and LMDB does (SIGBUS) when it reads a page that the file lacks. Throws what is
 * wrong. `mayBegin`: whether LMDB may create its file if it is missing or empty, as after a kill
 * while the store was created. The lock file is not opened: closing it would release the locks of
 * an environment that this process already has open (POSIX locks belong to the process).
 *
 * Also syncs the data. A process that was killed while it wrote its meta page may have left that
 * page in the page cache only, and LMDB would show it to the next process that opens the file.
 */
export async function checkFiles(directory: string, mayBegin: boolean): Promise<void> {
  await access(directory, constants.R_OK | constants.W_OK);
  const lock = join(directory, 'lock.mdb');
  if (await exists(lock)) {
    if (!(await stat(lock)).isFile()) throw new Error(`${lock} is not a file`);
    await access(lock, constants.R_OK | constants.W_OK);
  }
  const data = join(directory, 'data.mdb');
  if (!(await exists(data))) {
    if (!mayBegin) throw lost(`${data} is missing`);
    return;
  }
  const file = await open(data, 'r+');
  try {
    if ((await file.stat()).size === 0) {
      if (!mayBegin) throw lost(`${data} is empty`);
    } else {
      const damage = await damageOf(file);
      if (damage !== undefined) throw lost(`${data} is damaged: ${damage}`);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

function lost(what: string): StoreOpenError {
  return new StoreOpenError(`the store cannot be read, ${what}; restore the folder from a backup`);
}

/** Whether there is something at the path. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
