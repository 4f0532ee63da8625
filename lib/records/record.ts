import { BATCH_OVERHEAD_BYTES, type BatchHeader, compressionCodec, readBatchHeader } from './batch.ts';
import { CompressionError, decompress, isCodecId } from './compression/codec.ts';
import { RecordCursor } from './cursor.ts';
import { CorruptRecordError } from './error.ts';

/**
 * The largest uncompressed size of one batch's records. A batch usually has up to 1 MiB
 * (`max.message.bytes`), text compresses tenfold, and a function has a few hundred MiB. A
 * compression bomb of 1 MiB would decode to 1 GiB.
 */
export const MAX_UNCOMPRESSED_BYTES = 64 * 1024 * 1024;

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

export interface Record {
  readonly offset: number;
  /** Ms since the Unix epoch; NO_TIMESTAMP if it has none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

const NO_HEADERS: readonly RecordHeader[] = [];
const NO_BYTES = Buffer.alloc(0);

/**
 * A cursor over the records of one whole batch, decompressed if necessary. Throws
 * CorruptRecordError, also if they would take more than `maxBytes`.
 */
export function openBatch(
  batch: Buffer,
  header: BatchHeader = readBatchHeader(batch),
  maxBytes: number = MAX_UNCOMPRESSED_BYTES,
): RecordCursor {
  if (header.recordCount < 0) throw new CorruptRecordError(`batch counts ${header.recordCount} records`);
  if (header.sizeInBytes > batch.length) throw new CorruptRecordError('batch is cut off');
  return new RecordCursor(uncompressedRecords(batch, header, maxBytes), header);
}

/** The batch's records, decompressed. Throws CorruptRecordError. */
export function uncompressedRecords(batch: Buffer, header: BatchHeader, maxBytes = MAX_UNCOMPRESSED_BYTES): Buffer {
  const stored = batch.subarray(BATCH_OVERHEAD_BYTES, header.sizeInBytes);
  const code = compressionCodec(header.attributes);
  if (!isCodecId(code)) throw new CorruptRecordError(`batch has the unknown compression code ${code}`);
  // Compaction may leave a batch without records: there is nothing to decode.
  if (stored.length === 0 && header.recordCount === 0) return NO_BYTES;
  try {
    return decompress(code, stored, maxBytes);
  } catch (error) {
    if (error instanceof CompressionError) throw new CorruptRecordError(error.message, { cause: error });
    throw error;
  }
}

/**
 * The records of one whole batch in order. Keys and values share memory with the batch or its
 * decompressed records. Throws CorruptRecordError, possibly after some records.
 */
export function* iterateRecords(batch: Buffer, header: BatchHeader = readBatchHeader(batch)): Generator<Record> {
  const cursor = openBatch(batch, header);
  while (cursor.next()) yield recordAt(cursor);
}

/** The cursor's current record. */
export function recordAt(cursor: RecordCursor): Record {
  const { payload } = cursor;
  return {
    offset: cursor.offset,
    timestamp: cursor.timestamp,
    key: slice(payload, cursor.keyStart, cursor.keyLength),
    value: slice(payload, cursor.valueStart, cursor.valueLength),
    headers: cursor.headerCount === 0 ? NO_HEADERS : headersAt(cursor),
  };
}

function headersAt(cursor: RecordCursor): RecordHeader[] {
  const { payload } = cursor;
  const headers: RecordHeader[] = [];
  cursor.eachHeader((keyStart, keyLength, valueStart, valueLength) => {
    const key = payload.toString('utf8', keyStart, keyStart + keyLength);
    headers.push({ key, value: slice(payload, valueStart, valueLength) });
  });
  return headers;
}

function slice(payload: Buffer, start: number, length: number): Buffer | null {
  return length < 0 ? null : payload.subarray(start, start + length);
}
