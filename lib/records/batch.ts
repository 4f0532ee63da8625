import { crc32c } from './crc32c.ts';
import { CorruptRecordError } from './error.ts';
import { readInt64, writeInt64 } from './int64.ts';

/** The record batch, magic 2 (Kafka's DefaultRecordBatch; "Record Batch" in its protocol guide). */

/** Size of base offset and length, which the length field does not count. */
export const LOG_OVERHEAD_BYTES = 12;

/** Everything before the records. */
export const BATCH_OVERHEAD_BYTES = 61;

export const MAGIC_V2 = 2;

/** Positions of the fields in a batch. */
export const BatchField = {
  baseOffset: 0,
  length: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
} as const;

/** Values of fields that are not set. */
export const NO_TIMESTAMP = -1;
export const NO_PRODUCER_ID = -1;
export const NO_PRODUCER_EPOCH = -1;
export const NO_SEQUENCE = -1;
export const NO_PARTITION_LEADER_EPOCH = -1;

export const Attribute = {
  codecMask: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const;

/** Named as a topic's `message.timestamp.type`. */
export type TimestampType = 'CreateTime' | 'LogAppendTime';

export interface BatchHeader {
  readonly baseOffset: number;
  /** The whole batch, from the base offset to the last record's end. */
  readonly sizeInBytes: number;
  readonly partitionLeaderEpoch: number;
  readonly magic: number;
  /** CRC-32C of everything from the attributes on, unsigned. */
  readonly crc: number;
  readonly attributes: number;
  readonly lastOffsetDelta: number;
  /** Ms; the base of the records' timestamp deltas. With a delete horizon it is that horizon. */
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly recordCount: number;
}

/**
 * The compression code in a batch's attributes, 0 to 7; isCodecId checks that it is a known codec.
 */
export function compressionCodec(attributes: number): number {
  return attributes & Attribute.codecMask;
}

export function timestampType(attributes: number): TimestampType {
  return attributes & Attribute.logAppendTime ? 'LogAppendTime' : 'CreateTime';
}

export function isTransactional(attributes: number): boolean {
  return (attributes & Attribute.transactional) !== 0;
}

/** True for a batch of markers, which clients never see and never send. */
export function isControl(attributes: number): boolean {
  return (attributes & Attribute.control) !== 0;
}

/**
 * True when compaction has noted in `baseTimestamp` when the batch's tombstones and markers may go
 * (KIP-534).
 */
export function hasDeleteHorizon(attributes: number): boolean {
  return (attributes & Attribute.deleteHorizon) !== 0;
}

export function hasProducerId(header: BatchHeader): boolean {
  return header.producerId > NO_PRODUCER_ID;
}

export function lastOffset(header: BatchHeader): number {
  return header.baseOffset + header.lastOffsetDelta;
}

/**
 * Sequences are non-negative 32-bit numbers, and 0 follows 2^31 - 1
 * (DefaultRecordBatch.incrementSequence).
 */
export function incrementSequence(sequence: number, by: number): number {
  return (sequence + by) % 2 ** 31;
}

/**
 * Reads the header of the batch at `position`; the records may be missing. Throws
 * CorruptRecordError when the header is incomplete, its length is impossible, or the magic is not
 * 2. Nothing else is checked.
 */
export function readBatchHeader(buffer: Buffer, position = 0): BatchHeader {
  if (buffer.length - position < BATCH_OVERHEAD_BYTES) throw new CorruptRecordError('batch header is cut off');
  const sizeInBytes = batchSizeAt(buffer, position);
  const magic = buffer.readInt8(position + BatchField.magic);
  if (magic !== MAGIC_V2) throw new CorruptRecordError(`batch has magic ${magic}`);
  return {
    baseOffset: readInt64(buffer, position + BatchField.baseOffset),
    sizeInBytes,
    partitionLeaderEpoch: buffer.readInt32BE(position + BatchField.partitionLeaderEpoch),
    magic,
    crc: buffer.readUInt32BE(position + BatchField.crc),
    attributes: buffer.readInt16BE(position + BatchField.attributes),
    lastOffsetDelta: buffer.readInt32BE(position + BatchField.lastOffsetDelta),
    baseTimestamp: readInt64(buffer, position + BatchField.baseTimestamp),
    maxTimestamp: readInt64(buffer, position + BatchField.maxTimestamp),
    producerId: readInt64(buffer, position + BatchField.producerId),
    producerEpoch: buffer.readInt16BE(position + BatchField.producerEpoch),
    baseSequence: buffer.readInt32BE(position + BatchField.baseSequence),
    recordCount: buffer.readInt32BE(position + BatchField.recordCount),
  };
}

function batchSizeAt(buffer: Buffer, position: number): number {
  const sizeInBytes = LOG_OVERHEAD_BYTES + buffer.readInt32BE(position + BatchField.length);
  if (sizeInBytes < BATCH_OVERHEAD_BYTES) throw new CorruptRecordError(`batch claims ${sizeInBytes} bytes`);
  return sizeInBytes;
}

export interface BatchView {
  readonly header: BatchHeader;
  /** The batch alone; shares memory with what it was split from. */
  readonly bytes: Buffer;
}

/**
 * The whole batches in `buffer`, one after the other from `position` on. One that is cut off at the
 * end is left out, as fetches and ranged reads end that way. Throws CorruptRecordError as
 * readBatchHeader does.
 */
export function splitBatches(buffer: Buffer, position = 0): BatchView[] {
  const batches: BatchView[] = [];
  let at = position;
  while (buffer.length - at >= BATCH_OVERHEAD_BYTES) {
    const header = readBatchHeader(buffer, at);
    const end = at + header.sizeInBytes;
    if (end > buffer.length) break;
    batches.push({ header, bytes: buffer.subarray(at, end) });
    at = end;
  }
  return batches;
}

/** The checksum that the batch should carry; `batch` is one whole batch. */
export function computeCrc(batch: Buffer): number {
  return crc32c(batch, BatchField.attributes, batch.length);
}

/** Sets, in place, the two fields that the log assigns and the CRC does not cover. */
export function patchBatch(batch: Buffer, baseOffset: number, partitionLeaderEpoch: number): void {
  writeInt64(batch, baseOffset, BatchField.baseOffset);
  batch.writeInt32BE(partitionLeaderEpoch, BatchField.partitionLeaderEpoch);
}

/**
 * A copy of the batch of type LogAppendTime, appended at `timestamp` (ms). The records keep their
 * own timestamps, which readers of such a batch ignore.
 */
export function withLogAppendTime(batch: Buffer, timestamp: number): Buffer {
  const copy = Buffer.from(batch);
  copy.writeInt16BE(copy.readInt16BE(BatchField.attributes) | Attribute.logAppendTime, BatchField.attributes);
  return withMaxTimestampInPlace(copy, timestamp);
}

/** A copy of the batch with another maximum timestamp (ms) and the matching CRC. */
export function withMaxTimestamp(batch: Buffer, maxTimestamp: number): Buffer {
  return withMaxTimestampInPlace(Buffer.from(batch), maxTimestamp);
}

function withMaxTimestampInPlace(batch: Buffer, maxTimestamp: number): Buffer {
  writeInt64(batch, maxTimestamp, BatchField.maxTimestamp);
  batch.writeUInt32BE(computeCrc(batch), BatchField.crc);
  return batch;
}
