import { open } from 'node:fs/promises';
import { errorCode } from './failures.ts';

/**
 * Makes the names in a directory durable. POSIX promises that of no other call, not even of fsync
 * of the file itself.
 */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    // Windows cannot sync directories; its file systems journal their names.
    if (errorCode(error) !== 'EPERM' && errorCode(error) !== 'EINVAL') throw error;
  } finally {
    await directory.close();
  }
}
