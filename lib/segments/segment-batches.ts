import { MalformedBytesError } from '../core/bytes.ts';
import type { Offset } from '../core/offset.ts';
import { BATCH_OVERHEAD_BYTES, type BatchHeader, computeCrc, readBatchHeader } from '../records/batch.ts';
import { CorruptRecordError } from '../records/error.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import type { BlobStore } from '../storage/ports.ts';
import { decodeIndexBlock } from './format/index-block.ts';
import { splitLog } from './format/log-batches.ts';
import { malformed } from './format/malformed.ts';
import type { AbortedTransaction } from './format/transaction-index.ts';

/** One batch of a segment and its place in the segment's object. */
export interface PlacedBatch {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
  readonly key: string;
  readonly position: number;
}

/**
 * The object of a segment is not there, or is shorter than the segment. The segment was replaced a
 * while ago, or the object is lost.
 */
export class SegmentGoneError extends Error {
  override readonly name = 'SegmentGoneError';
}

/** A batch of a segment whose CRC-32C is another one. */
export class DamagedBatchError extends MalformedBytesError {
  readonly baseOffset: Offset;

  constructor(message: string, baseOffset: Offset) {
    super(message);
    this.baseOffset = baseOffset;
  }
}

/**
 * The batches of a segment in order, window by window: one ranged GET each, the next one under way
 * while the current one is worked on. Memory is two windows, or two batches that are larger. Every
 * batch is checked against its CRC-32C. Throws SegmentGoneError, MalformedBytesError and
 * StoreUnavailableError.
 */
export async function* batchWindows(
  blobs: Pick<BlobStore, 'getRange'>,
  segment: LiveSegment,
  windowBytes: number,
): AsyncGenerator<readonly PlacedBatch[]> {
  const { key, log, nextOffset } = segment;
  let from = segment.baseOffset;
  let carried: Buffer = Buffer.alloc(0);
  let at = 0;
  let next: Promise<Buffer> | undefined = rangeFrom(blobs, segment, 0, windowBytes);
  while (next !== undefined) {
    const read = await next;
    const position = log.start + at - carried.length;
    at += read.length;
    next = at < log.length ? rangeFrom(blobs, segment, at, windowBytes) : undefined;
    // It may fail while the caller still works on this window, or after it has stopped.
    next?.catch(() => {});
    const bytes: Buffer = carried.length === 0 ? read : Buffer.concat([carried, read]);
    const { batches, end } = splitLog(bytes, { key, position, from, to: nextOffset });
    carried = bytes.subarray(end);
    if (next === undefined && carried.length > 0) throw malformed(key, position + end, 'a log ends within a batch');
    const placed = placeAll(batches, key, position);
    from = nextFrom(placed, from);
    yield placed;
  }
}

/**
 * Largest timestamp of a segment's first batch (Kafka: LogSegment.getFirstBatchTimestamp), ms; -1
 * without batches. One GET of the batch's header. Throws as `batchWindows`.
 */
export async function firstTimestamp(blobs: Pick<BlobStore, 'getRange'>, segment: LiveSegment): Promise<number> {
  if (segment.log.length === 0) return -1;
  const header = await rangeFrom(blobs, segment, 0, BATCH_OVERHEAD_BYTES);
  const { key, log } = segment;
  return atItsPlace({ key, position: log.start }, () => readBatchHeader(header).maxTimestamp);
}

function placeAll(
  batches: readonly { readonly header: BatchHeader; readonly bytes: Buffer }[],
  key: string,
  start: number,
): PlacedBatch[] {
  let position = start;
  return batches.map(({ header, bytes }) => {
    const crc = computeCrc(bytes);
    if (crc !== header.crc) {
      const { message } = malformed(key, position, `a batch with CRC ${crc}, expected ${header.crc}`);
      throw new DamagedBatchError(message, header.baseOffset);
    }
    const placed = { header, bytes, key, position };
    position += bytes.length;
    return placed;
  });
}

function nextFrom(placed: readonly PlacedBatch[], from: Offset): Offset {
  const last = placed.at(-1)?.header;
  return last === undefined ? from : last.baseOffset + last.lastOffsetDelta + 1;
}

/**
 * The aborted transactions whose marker lies in the segment. One GET of its indexes. Throws as
 * `batchWindows`.
 */
export async function transactionsOf(
  blobs: Pick<BlobStore, 'getRange'>,
  segment: LiveSegment,
): Promise<readonly AbortedTransaction[]> {
  const { key, index } = segment;
  return decodeIndexBlock(key, segment, await rangeOf(blobs, key, index.start, index.length)).aborted;
}

function rangeFrom(
  blobs: Pick<BlobStore, 'getRange'>,
  { key, log }: LiveSegment,
  at: number,
  windowBytes: number,
): Promise<Buffer> {
  return rangeOf(blobs, key, log.start + at, Math.min(windowBytes, log.length - at));
}

async function rangeOf(
  blobs: Pick<BlobStore, 'getRange'>,
  key: string,
  start: number,
  length: number,
): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  const range = await blobs.getRange(key, start, start + length);
  if (range.kind === 'missing') throw new SegmentGoneError(`object ${key} is missing`);
  if (range.bytes.length < length) throw new SegmentGoneError(`object ${key} is cut off`);
  return range.bytes;
}

/** As `work`; a batch that cannot be unpacked is a MalformedBytesError that names its place. */
export function atItsPlace<T>({ key, position }: Pick<PlacedBatch, 'key' | 'position'>, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CorruptRecordError) throw malformed(key, position, error.message);
    throw error;
  }
}
