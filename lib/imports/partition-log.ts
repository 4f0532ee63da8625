import type { Offset } from '../core/offset.ts';
import { type BatchView, lastOffset } from '../records/batch.ts';
import { CorruptRecordError } from '../records/error.ts';
import { CorruptFileError } from '../segments/files/corrupt-file.ts';
import { type FolderContents, type LogFolder, readFolder, readLogFile } from '../segments/files/folder-reader.ts';

/** Where the log of one partition comes from. */
export interface PartitionSource {
  readonly partition: number;
  /** The folder's name, for messages. */
  readonly name: string;
  readonly folder: LogFolder;
  /** Of Kafka's `log-start-offset-checkpoint`; undefined: the base offset of the first file. */
  readonly logStartOffset?: Offset;
}

/** A batch that is left out because its file ends before it does. */
export interface CutOff {
  /** With the folder's name. */
  readonly file: string;
  readonly position: number;
  readonly bytes: number;
}

/** Offsets between two files of which neither has a record. Compaction leaves such gaps, and so does a lost file. */
export interface LogGap {
  /** The file behind the gap, with the folder's name. */
  readonly file: string;
  readonly firstOffset: Offset;
  readonly lastOffset: Offset;
}

/** A batch and where it stands, or the end of the files. */
export type LogItem =
  | { readonly kind: 'batch'; readonly batch: BatchView; readonly at: Place }
  | {
      readonly kind: 'end';
      readonly nextOffset: Offset;
      readonly cutOff?: CutOff;
      readonly gaps: readonly LogGap[];
    };

export interface Place {
  readonly file: string;
  readonly position: number;
}

/** The batches of a partition's folder from its log start on. */
export class PartitionLog {
  readonly source: PartitionSource;
  readonly contents: FolderContents;
  readonly logStartOffset: Offset;
  readonly #truncatesTail: boolean;

  private constructor(source: PartitionSource, contents: FolderContents, truncatesTail: boolean) {
    this.source = source;
    this.contents = contents;
    this.logStartOffset = Math.max(source.logStartOffset ?? 0, contents.logs[0]!.baseOffset);
    this.#truncatesTail = truncatesTail;
  }

  /**
   * Reads the names and the text files of the folder.
   *
   * @param truncatesTail the log ends before a batch that is cut off at the end of the last file
   * @throws CorruptFileError
   */
  static async open(source: PartitionSource, truncatesTail: boolean): Promise<PartitionLog> {
    const contents = await inFolder(source, () => readFolder(source.folder));
    if (contents.logs.length === 0) throw new CorruptFileError(source.name, 0, 'a folder without a .log file');
    return new PartitionLog(source, contents, truncatesTail);
  }

  /** Bytes of the `.log` files. */
  get size(): number {
    return this.contents.logs.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * The batches that reach the log start, each checked alone and against those before, and then the
   * end. Throws CorruptFileError.
   */
  async *read(): AsyncGenerator<readonly LogItem[]> {
    const { logs, indexedFrom } = this.contents;
    let nextOffset = logs[0]!.baseOffset;
    // The end of the last batch.
    let covered = Math.max(indexedFrom ?? nextOffset, this.source.logStartOffset ?? 0);
    let cutOff: CutOff | undefined;
    const gaps: LogGap[] = [];
    for (const log of logs) {
      const file = `${this.source.name}/${log.name}`;
      if (covered < log.baseOffset) gaps.push({ file, firstOffset: covered, lastOffset: log.baseOffset - 1 });
      covered = Math.max(covered, log.baseOffset);
      let position = 0;
      const pieces = readLogFile(this.source.folder, log);
      for (;;) {
        const piece = await inFolder(this.source, () => pieces.next()).catch((error: unknown) => {
          const isLast = log === logs.at(-1);
          if (!(this.#truncatesTail && isLast && error instanceof CorruptFileError && error.isCutOff)) throw error;
          cutOff = { file, position: error.position, bytes: log.size - error.position };
          return undefined;
        });
        if (piece === undefined || piece.done === true) break;
        if (piece.value.kind === 'end') {
          nextOffset = Math.max(nextOffset, piece.value.nextOffset);
          continue;
        }
        const items: LogItem[] = [];
        for (const batch of piece.value.batches) {
          const at = { file, position };
          position += batch.header.sizeInBytes;
          nextOffset = lastOffset(batch.header) + 1;
          covered = Math.max(covered, nextOffset);
          if (nextOffset > this.logStartOffset) items.push({ kind: 'batch', batch, at });
        }
        yield items;
      }
    }
    yield [{ kind: 'end', nextOffset, gaps, ...(cutOff !== undefined && { cutOff }) }];
  }
}

/** What fails is told with the folder's name. */
async function inFolder<T>({ name }: PartitionSource, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CorruptFileError)) throw error;
    const { file, position, reason, isCutOff } = error;
    throw new CorruptFileError(`${name}/${file}`, position, reason, { isCutOff });
  }
}

/** Does what may find the batch to be wrong; throws CorruptFileError with its place then. */
export function locating<T>({ file, position }: Place, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error;
    throw new CorruptFileError(file, position, error.message);
  }
}
