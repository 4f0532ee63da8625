import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileSink } from '../../segments/files/file-writer.ts';
import type { LogFolder } from '../../segments/files/folder-reader.ts';

/** A partition's folder on disk. */
export class DiskFolder implements LogFolder, FileSink {
  readonly #path: string;
  #open: { readonly name: string; readonly handle: FileHandle } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async list(): Promise<{ name: string; size: number }[]> {
    const names = await readdir(this.#path);
    return Promise.all(names.map(async (name) => ({ name, size: (await stat(join(this.#path, name))).size })));
  }

  async read(name: string, start: number, end: number): Promise<Buffer> {
    const handle = await open(join(this.#path, name), 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  async append(name: string, bytes: Buffer): Promise<void> {
    if (this.#open?.name !== name) {
      await this.close();
      this.#open = { name, handle: await open(join(this.#path, name), 'a') };
    }
    await this.#open!.handle.appendFile(bytes);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#path, name));
  }

  /** The file that is open is on disk afterwards, and closed. */
  async close(): Promise<void> {
    const opened = this.#open;
    this.#open = undefined;
    try {
      await opened?.handle.sync();
    } finally {
      await opened?.handle.close();
    }
  }

  /** All files, and their names, are on disk afterwards. */
  async finish(): Promise<void> {
    await this.close();
    await syncFolder(this.#path);
  }
}

/** The names in a folder are on disk afterwards. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Of a file that is not whole yet; one that a failure has left is written over. */
export const UNFINISHED_SUFFIX = '.new';

/** Writes a file that is there whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}${UNFINISHED_SUFFIX}`;
  const handle = await open(unfinished, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(unfinished, path);
  await syncFolder(dirname(path));
}
