import type { FileSink } from '../../../../lib/segments/files/file-writer.ts';
import {
  type FolderContents,
  type LogFolder,
  readFolder,
  readLogFile,
} from '../../../../lib/segments/files/folder-reader.ts';
import type { PartContent } from '../../../../lib/segments/format/segment-set.ts';
import { TransactionTracker } from '../../../../lib/segments/format/transaction-tracker.ts';

/** A partition's folder in memory. */
export class MemoryFolder implements LogFolder, FileSink {
  readonly files = new Map<string, Buffer>();
  /** The largest read so far; bytes. */
  largestRead = 0;

  put(name: string, content: Buffer | string): void {
    this.files.set(name, Buffer.from(content));
  }

  async append(name: string, bytes: Buffer): Promise<void> {
    this.put(name, Buffer.concat([this.files.get(name) ?? Buffer.alloc(0), bytes]));
  }

  async list() {
    return [...this.files].map(([name, bytes]) => ({ name, size: bytes.length }));
  }

  async read(name: string, start: number, end: number): Promise<Buffer> {
    this.largestRead = Math.max(this.largestRead, end - start);
    return this.files.get(name)!.subarray(start, end);
  }
}

/** All that the folder holds, as contents of which a segment set can be built. */
export async function readAll(folder: LogFolder): Promise<FolderContents & { readonly contents: PartContent[] }> {
  const found = await readFolder(folder);
  const transactions = new TransactionTracker();
  const contents: PartContent[] = [];
  for (const log of found.logs) {
    const batches: Buffer[] = [];
    for await (const piece of readLogFile(folder, log, transactions)) {
      if (piece.kind === 'batches') batches.push(...piece.batches.map(({ bytes }) => bytes));
      else {
        const { nextOffset, aborted } = piece;
        contents.push({ partition: 0, baseOffset: log.baseOffset, nextOffset, batches, aborted });
      }
    }
  }
  return { ...found, contents };
}
