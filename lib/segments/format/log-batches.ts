import type { Offset } from '../../core/offset.ts';
import { BATCH_OVERHEAD_BYTES, type BatchView, lastOffset, readBatchHeader } from '../../records/batch.ts';
import { CorruptRecordError } from '../../records/error.ts';
import { malformed } from './malformed.ts';

/** What the bytes to split are, for checks and messages. */
export interface LogBytes {
  /** The object or file that they come from. */
  readonly key: string;
  /** Position of the first byte in that object or file; 0 if left out. */
  readonly position?: number;
  /** No batch begins below; 0 if left out. */
  readonly from?: Offset;
  /** No batch ends at or above; no limit if left out. */
  readonly to?: Offset;
}

export interface LogSplit {
  /** The whole batches in order; they share memory with the bytes. */
  readonly batches: readonly BatchView[];
  /** Length of the whole batches: where the next one begins. */
  readonly end: number;
  /** Size of the batch that begins at `end` and is cut off, if enough of it is there to tell. */
  readonly cutOffBytes?: number;
}

/**
 * Splits bytes of a log into batches by their headers. The bytes may end in the middle of a batch.
 * Neither CRCs nor records are looked at. Throws MalformedBytesError at the first batch with an
 * impossible header or with offsets that do not follow those before.
 */
export function splitLog(bytes: Buffer, { key, position = 0, from = 0, to }: LogBytes): LogSplit {
  const batches: BatchView[] = [];
  let next = from;
  let at = 0;
  while (bytes.length - at >= BATCH_OVERHEAD_BYTES) {
    const header = batchHeaderAt(bytes, at, key, position);
    const last = lastOffset(header);
    if (header.baseOffset < next) {
      throw malformed(key, position + at, `a batch begins at offset ${header.baseOffset}, expected ${next} or more`);
    }
    if (last < header.baseOffset) {
      throw malformed(key, position + at, `a batch has a last offset delta of ${header.lastOffsetDelta}`);
    }
    if (to !== undefined && last >= to) {
      throw malformed(key, position + at, `a batch ends at offset ${last}, expected less than ${to}`);
    }
    if (header.sizeInBytes > bytes.length - at) return { batches, end: at, cutOffBytes: header.sizeInBytes };
    // Making a view of a buffer takes as long as reading the header.
    const isAll = header.sizeInBytes === bytes.length;
    batches.push({ header, bytes: isAll ? bytes : bytes.subarray(at, at + header.sizeInBytes) });
    next = last + 1;
    at += header.sizeInBytes;
  }
  return { batches, end: at };
}

function batchHeaderAt(bytes: Buffer, at: number, key: string, position: number) {
  try {
    return readBatchHeader(bytes, at);
  } catch (error) {
    if (error instanceof CorruptRecordError) throw malformed(key, position + at, error.message);
    throw error;
  }
}
