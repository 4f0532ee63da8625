import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from './failures.ts';

/** Not a character of keys: it keeps the file of 'a' apart from the directory of 'a/b'. */
const FILE_MARK = '~';

/**
 * Where puts write before they give a file its name; in the same file system, and no key leads
 * here.
 */
export const TEMPORARY_DIRECTORY = 'tmp~~';

/** The file of an object. */
export function blobPath(root: string, key: string): string {
  return join(root, `${key}${FILE_MARK}`);
}

/**
 * Keys below `root` that begin with `prefix` and come after `after`, in ascending order, read as
 * they are asked for.
 */
export async function* keysUnder(
  root: string,
  prefix: string,
  after: string | undefined,
  below = '',
): AsyncGenerator<string> {
  for (const name of await entriesOf(join(root, below))) {
    const key = below + name;
    if (!name.endsWith('/')) {
      if (key.startsWith(prefix) && (after === undefined || key > after)) yield key;
      continue;
    }
    const mayMatch = key.startsWith(prefix) || prefix.startsWith(key);
    const allBefore = after !== undefined && key < after && !after.startsWith(key);
    if (mayMatch && !allBefore) yield* keysUnder(root, prefix, after, key);
  }
}

/**
 * Files without their mark, directories with a slash behind: sorted like this, they follow the
 * order of the keys.
 */
async function entriesOf(path: string): Promise<string[]> {
  try {
    const names: string[] = [];
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (entry.isDirectory()) {
        if (entry.name !== TEMPORARY_DIRECTORY) names.push(`${entry.name}/`);
      } else if (entry.name.endsWith(FILE_MARK)) names.push(entry.name.slice(0, -FILE_MARK.length));
    }
    return names.sort();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
