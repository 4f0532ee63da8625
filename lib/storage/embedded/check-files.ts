import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './failures.ts';

/** LMDB's magic number and where it stands in the first meta page, behind the page's header. */
const LMDB_MAGIC = 0xbeefc0de;
const MAGIC_AT = 24;

/**
 * Looks at LMDB's files before LMDB does, since lmdb 3.5 ends the process (SIGSEGV) where opening fails half way. Throws
 * what is wrong with them. The lock file is looked at but not opened: closing it would release the locks of an
 * environment that this process has open already (POSIX locks belong to the process).
 *
 * Also syncs the data: a process that was killed while it wrote its meta page may have left one that is in the page
 * cache only, and LMDB would show it to the first that opens the file again.
 */
export async function checkFiles(directory: string): Promise<void> {
  await access(directory, constants.R_OK | constants.W_OK);
  const lock = join(directory, 'lock.mdb');
  if (await exists(lock)) {
    if (!(await stat(lock)).isFile()) throw new Error(`${lock} is not a file`);
    await access(lock, constants.R_OK | constants.W_OK);
  }
  const data = join(directory, 'data.mdb');
  if (!(await exists(data))) return;
  const file = await open(data, 'r+');
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, MAGIC_AT);
    // An empty file is what a process leaves that was killed while it made the store; LMDB begins anew in it.
    if (bytesRead > 0 && buffer.readUInt32LE(0) !== LMDB_MAGIC) throw new Error(`${data} is not an LMDB file`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
