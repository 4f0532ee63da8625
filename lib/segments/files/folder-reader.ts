import type { Offset } from '../../core/offset.ts';
import type { Uuid } from '../../core/uuid.ts';
import type { EpochStart } from '../../journal/view.ts';
import {
  BATCH_OVERHEAD_BYTES,
  type BatchHeader,
  type BatchView,
  computeCrc,
  lastOffset,
  readBatchHeader,
} from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import type { AbortedTransaction } from '../format/transaction-index.ts';
import { TransactionTracker } from '../format/transaction-tracker.ts';
import { CorruptFileError } from './corrupt-file.ts';
import {
  isUnfinishedReplacement,
  LEADER_EPOCH_FILE,
  PARTITION_METADATA_FILE,
  parseSegmentFileName,
  segmentFileName,
} from './file-names.ts';
import { parseLeaderEpochs } from './leader-epoch-checkpoint.ts';
import { parsePartitionMetadata } from './partition-metadata.ts';

/** The files of one partition's folder. */
export interface LogFolder {
  /** The files with their sizes in bytes, in any order. */
  list(): Promise<readonly { readonly name: string; readonly size: number }[]>;
  /** Bytes [start, end) of a file. */
  read(name: string, start: number, end: number): Promise<Buffer>;
}

/** How much of a `.log` is read at once; a larger batch is read whole. */
const READ_BYTES = 1024 * 1024;

/**
 * The largest batch that is read: Kafka's default of `socket.request.max.bytes`, beyond which no
 * request is accepted. A damaged length would otherwise take as much memory as the file is long.
 */
const BATCH_BYTES_MAX = 100 * 1024 * 1024;

/** Text files are small; this is 40,000 leader epochs. */
const TEXT_BYTES_MAX = 1024 * 1024;

export interface LogFileInfo {
  readonly name: string;
  readonly size: number;
  readonly baseOffset: Offset;
  /** The base offset of the next `.log`; undefined for the last one. */
  readonly nextBaseOffset?: Offset;
}

export interface FolderContents {
  /** From `partition.metadata`, if it is there. */
  readonly topicId?: Uuid;
  /** From `leader-epoch-checkpoint`; empty if it is not there. */
  readonly epochs: readonly EpochStart[];
  /** The `.log` files, ascending. */
  readonly logs: readonly LogFileInfo[];
  /** The base offset of the first index without a `.log`, if that lies before the first `.log`. */
  readonly indexedFrom?: Offset;
}

/**
 * What a partition's folder holds. What is in the indexes is ignored, and other files are. Throws
 * CorruptFileError for a text file that cannot be read, where Kafka left a replacement of segments
 * unfinished, and for an index whose `.log` is missing. Before the first `.log` that is allowed: a
 * broker that is stopped while it deletes old segments may leave it.
 */
export async function readFolder(folder: LogFolder): Promise<FolderContents> {
  const files = await folder.list();
  const unfinished = files.find(({ name }) => isUnfinishedReplacement(name));
  if (unfinished !== undefined) {
    throw new CorruptFileError(unfinished.name, 0, 'a replacement that Kafka has not finished; start and stop Kafka');
  }
  const logs = files
    .map(({ name, size }) => ({ name, size, parsed: parseSegmentFileName(name) }))
    .filter(({ parsed }) => parsed?.kind === 'log')
    .map(({ name, size, parsed }) => ({ name, size, baseOffset: parsed!.baseOffset }))
    .sort((a, b) => a.baseOffset - b.baseOffset);
  const indexedFrom = indexedBefore(files, logs);
  const textOf = async (wanted: string) => {
    const size = files.find(({ name }) => name === wanted)?.size;
    if (size === undefined) return undefined;
    if (size > TEXT_BYTES_MAX) throw new CorruptFileError(wanted, TEXT_BYTES_MAX, `a text file of ${size} bytes`);
    return (await folder.read(wanted, 0, size)).toString('latin1');
  };
  const metadata = await textOf(PARTITION_METADATA_FILE);
  return {
    ...(metadata !== undefined && { topicId: parsePartitionMetadata(PARTITION_METADATA_FILE, metadata) }),
    epochs: parseLeaderEpochs(LEADER_EPOCH_FILE, (await textOf(LEADER_EPOCH_FILE)) ?? ''),
    logs: logs.map((log, index) => {
      const next = logs[index + 1]?.baseOffset;
      return next === undefined ? log : { ...log, nextBaseOffset: next };
    }),
    ...(indexedFrom !== undefined && { indexedFrom }),
  };
}

/** Of the indexes without a `.log`, the first base offset before the first `.log`. Throws CorruptFileError for others. */
function indexedBefore(
  files: readonly { readonly name: string }[],
  logs: readonly { readonly baseOffset: Offset }[],
): Offset | undefined {
  const [first] = logs;
  if (first === undefined) return undefined;
  const bases = new Set(logs.map(({ baseOffset }) => baseOffset));
  let before: Offset | undefined;
  for (const { name } of files) {
    const baseOffset = parseSegmentFileName(name)?.baseOffset;
    if (baseOffset === undefined || bases.has(baseOffset)) continue;
    if (baseOffset > first.baseOffset) {
      throw new CorruptFileError(name, 0, `an index of which ${segmentFileName(baseOffset, 'log')} is missing`);
    }
    before = Math.min(before ?? baseOffset, baseOffset);
  }
  return before;
}

export type LogFilePiece =
  | {
      readonly kind: 'batches';
      /** Whole batches in order, each with the right CRC. */
      readonly batches: readonly BatchView[];
      /** Position in the file behind them. */
      readonly end: number;
    }
  | {
      readonly kind: 'end';
      /** The offset up to which the file covers the log. */
      readonly nextOffset: Offset;
      /** The transactions whose abort marker lies in the file, as Kafka's `.txnindex` has them. */
      readonly aborted: readonly AbortedTransaction[];
    };

/**
 * Reads a `.log` from beginning to end, in pieces of about READ_BYTES. Indexes are not read: what
 * they would say follows from the batches.
 *
 * @param transactions has followed the files before this one
 * @throws CorruptFileError at the first batch that is cut off, has an impossible header, a wrong
 *   CRC, or offsets that do not follow those before or reach into the next file
 */
export async function* readLogFile(
  folder: LogFolder,
  log: LogFileInfo,
  transactions: TransactionTracker = new TransactionTracker(),
): AsyncGenerator<LogFilePiece> {
  const aborted: AbortedTransaction[] = [];
  let next = log.baseOffset;
  let position = 0;
  while (position < log.size) {
    const bytes = await readFrom(folder, log, position);
    const batches = batchesOf(bytes, log, position, next);
    for (const batch of batches) {
      const transaction = follow(transactions, batch, log.name, position);
      if (transaction !== undefined) aborted.push(transaction);
      next = lastOffset(batch.header) + 1;
      position += batch.header.sizeInBytes;
    }
    yield { kind: 'batches', batches, end: position };
  }
  yield { kind: 'end', nextOffset: log.nextBaseOffset ?? next, aborted };
}

/** Bytes from `position` on, with at least one whole batch. */
async function readFrom(folder: LogFolder, log: LogFileInfo, position: number): Promise<Buffer> {
  const bytes = await readExactly(folder, log, position, Math.min(position + READ_BYTES, log.size));
  const left = log.size - position;
  const cutOff = (reason: string) => new CorruptFileError(log.name, position, reason, { isCutOff: true });
  if (left < BATCH_OVERHEAD_BYTES) throw cutOff('batch header is cut off');
  const { sizeInBytes } = headerAt(bytes, 0, log.name, position);
  if (sizeInBytes > left) throw cutOff(`a batch of ${sizeInBytes} bytes, ${left} are left`);
  if (sizeInBytes > BATCH_BYTES_MAX) throw new CorruptFileError(log.name, position, `a batch of ${sizeInBytes} bytes`);
  return sizeInBytes <= bytes.length ? bytes : readExactly(folder, log, position, position + sizeInBytes);
}

async function readExactly(folder: LogFolder, { name }: LogFileInfo, start: number, end: number): Promise<Buffer> {
  const bytes = await folder.read(name, start, end);
  if (bytes.length !== end - start)
    throw new CorruptFileError(name, start + bytes.length, 'the file has become shorter');
  return bytes;
}

function headerAt(bytes: Buffer, at: number, name: string, position: number): BatchHeader {
  try {
    return readBatchHeader(bytes, at);
  } catch (error) {
    if (error instanceof CorruptRecordError) throw new CorruptFileError(name, position, error.message);
    throw error;
  }
}

/** The whole batches in `bytes`, checked; `position` is where they begin in the file. */
function batchesOf(bytes: Buffer, log: LogFileInfo, position: number, from: Offset): BatchView[] {
  const batches: BatchView[] = [];
  let next = from;
  let at = 0;
  while (bytes.length - at >= BATCH_OVERHEAD_BYTES) {
    const fail = (reason: string) => new CorruptFileError(log.name, position + at, reason);
    const header = headerAt(bytes, at, log.name, position + at);
    if (header.sizeInBytes > bytes.length - at) break;
    const batch = bytes.subarray(at, at + header.sizeInBytes);
    const crc = computeCrc(batch);
    if (crc !== header.crc) throw fail(`a batch with CRC ${crc}, expected ${header.crc}`);
    const last = lastOffset(header);
    if (header.baseOffset < next) throw fail(`a batch at offset ${header.baseOffset}, expected ${next} or more`);
    if (last < header.baseOffset) throw fail(`a batch with a last offset delta of ${header.lastOffsetDelta}`);
    if (log.nextBaseOffset !== undefined && last >= log.nextBaseOffset) {
      throw fail(`a batch up to offset ${last}, but the next file begins at ${log.nextBaseOffset}`);
    }
    batches.push({ header, bytes: batch });
    next = last + 1;
    at += header.sizeInBytes;
  }
  return batches;
}

function follow(transactions: TransactionTracker, batch: BatchView, name: string, position: number) {
  try {
    return transactions.batch(batch);
  } catch (error) {
    if (error instanceof CorruptRecordError) throw new CorruptFileError(name, position, error.message);
    throw error;
  }
}
