import { assert } from '../core/assert.ts';
import {
  Attribute,
  BATCH_OVERHEAD_BYTES,
  BatchField,
  computeCrc,
  LOG_OVERHEAD_BYTES,
  MAGIC_V2,
  NO_PARTITION_LEADER_EPOCH,
  NO_PRODUCER_EPOCH,
  NO_PRODUCER_ID,
  NO_SEQUENCE,
  NO_TIMESTAMP,
} from './batch.ts';
import { Codec, type CodecId, compress } from './compression/codec.ts';
import { writeInt64 } from './int64.ts';
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts';

/** A header to encode. The name may be given as bytes, which need not be UTF-8. */
export interface HeaderInput {
  readonly key: string | Buffer;
  readonly value: Buffer | null;
}

export interface RecordInput {
  /** Ms since the Unix epoch. */
  readonly timestamp: number;
  readonly key?: Buffer | null;
  readonly value?: Buffer | null;
  readonly headers?: readonly HeaderInput[];
  /** Default: one more than the record before, beginning with the base offset. */
  readonly offset?: number;
}

export interface BatchOptions {
  /** 0 in a producer's batch. */
  readonly baseOffset?: number;
  /**
   * Default: the last record's offset. Compaction keeps the original one although that record may
   * be gone.
   */
  readonly lastOffset?: number;
  readonly partitionLeaderEpoch?: number;
  readonly codec?: CodecId;
  readonly producerId?: number;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
  readonly isTransactional?: boolean;
  readonly isControl?: boolean;
  /** Append time of the broker, ms: makes it a batch of type LogAppendTime. */
  readonly logAppendTime?: number;
  /** When tombstones and markers of the batch may go, ms (KIP-534). */
  readonly deleteHorizon?: number;
}

/**
 * Encodes one record batch of magic 2. Offsets must ascend from `baseOffset` on. Throws
 * CompressionError ('unavailable') where the runtime cannot encode the codec (canCompress tells
 * beforehand).
 */
export function encodeBatch(records: readonly RecordInput[], options: BatchOptions = {}): Buffer {
  const baseOffset = options.baseOffset ?? 0;
  const offsets = assignOffsets(records, baseOffset);
  const lastOffset = options.lastOffset ?? offsets.at(-1) ?? baseOffset;
  assert(
    lastOffset >= (offsets.at(-1) ?? baseOffset),
    `offset ${offsets.at(-1)} is behind the last one, ${lastOffset}`,
  );
  const baseTimestamp = options.deleteHorizon ?? records[0]?.timestamp ?? NO_TIMESTAMP;

  const codec = options.codec ?? Codec.none;
  const payload = compress(codec, encodeRecords(records, offsets, baseOffset, baseTimestamp));
  const batch = Buffer.allocUnsafe(BATCH_OVERHEAD_BYTES + payload.length);
  writeInt64(batch, baseOffset, BatchField.baseOffset);
  batch.writeInt32BE(batch.length - LOG_OVERHEAD_BYTES, BatchField.length);
  batch.writeInt32BE(options.partitionLeaderEpoch ?? NO_PARTITION_LEADER_EPOCH, BatchField.partitionLeaderEpoch);
  batch.writeInt8(MAGIC_V2, BatchField.magic);
  batch.writeInt16BE(attributesOf(codec, options), BatchField.attributes);
  batch.writeInt32BE(lastOffset - baseOffset, BatchField.lastOffsetDelta);
  writeInt64(batch, baseTimestamp, BatchField.baseTimestamp);
  writeInt64(batch, options.logAppendTime ?? maxTimestampOf(records), BatchField.maxTimestamp);
  writeInt64(batch, options.producerId ?? NO_PRODUCER_ID, BatchField.producerId);
  batch.writeInt16BE(options.producerEpoch ?? NO_PRODUCER_EPOCH, BatchField.producerEpoch);
  batch.writeInt32BE(options.baseSequence ?? NO_SEQUENCE, BatchField.baseSequence);
  batch.writeInt32BE(records.length, BatchField.recordCount);
  payload.copy(batch, BATCH_OVERHEAD_BYTES);
  batch.writeUInt32BE(computeCrc(batch), BatchField.crc);
  return batch;
}

function assignOffsets(records: readonly RecordInput[], baseOffset: number): number[] {
  let next = baseOffset;
  return records.map((record) => {
    const offset = record.offset ?? next;
    assert(offset >= next, `offset ${offset} does not ascend`);
    next = offset + 1;
    return offset;
  });
}

function attributesOf(codec: CodecId, options: BatchOptions): number {
  let attributes: number = codec;
  if (options.logAppendTime !== undefined) attributes |= Attribute.logAppendTime;
  if (options.isTransactional) attributes |= Attribute.transactional;
  if (options.isControl) attributes |= Attribute.control;
  if (options.deleteHorizon !== undefined) attributes |= Attribute.deleteHorizon;
  return attributes;
}

function maxTimestampOf(records: readonly RecordInput[]): number {
  return records.reduce((max, record) => Math.max(max, record.timestamp), NO_TIMESTAMP);
}

/** A record's sizes and encoded texts, computed once for both passes. */
interface Measured {
  readonly record: RecordInput;
  readonly headers: readonly { readonly key: Buffer; readonly value: Buffer | null }[];
  readonly offsetDelta: number;
  readonly timestampDelta: number;
  /** Without its own length field. */
  readonly size: number;
}

function encodeRecords(
  records: readonly RecordInput[],
  offsets: readonly number[],
  baseOffset: number,
  baseTimestamp: number,
): Buffer {
  let total = 0;
  const measured = records.map((record, index) => {
    const one = measure(record, offsets[index]! - baseOffset, record.timestamp - baseTimestamp);
    total += sizeOfVarint(one.size) + one.size;
    return one;
  });
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const one of measured) at = writeRecord(out, one, at);
  return out;
}

function measure(record: RecordInput, offsetDelta: number, timestampDelta: number): Measured {
  const headers = (record.headers ?? []).map(({ key, value }) => ({
    key: typeof key === 'string' ? Buffer.from(key) : key,
    value,
  }));
  let size = 1 + sizeOfVarlong(timestampDelta) + sizeOfVarint(offsetDelta);
  size += sizeOfField(record.key ?? null) + sizeOfField(record.value ?? null) + sizeOfVarint(headers.length);
  for (const header of headers) size += sizeOfField(header.key) + sizeOfField(header.value);
  return { record, headers, offsetDelta, timestampDelta, size };
}

function sizeOfField(field: Buffer | null): number {
  return field === null ? sizeOfVarint(-1) : sizeOfVarint(field.length) + field.length;
}

function writeRecord(out: Buffer, one: Measured, position: number): number {
  let at = writeVarint(out, one.size, position);
  out[at++] = 0;
  at = writeVarlong(out, one.timestampDelta, at);
  at = writeVarint(out, one.offsetDelta, at);
  at = writeField(out, one.record.key ?? null, at);
  at = writeField(out, one.record.value ?? null, at);
  at = writeVarint(out, one.headers.length, at);
  for (const header of one.headers) {
    at = writeField(out, header.key, at);
    at = writeField(out, header.value, at);
  }
  return at;
}

function writeField(out: Buffer, field: Buffer | null, position: number): number {
  if (field === null) return writeVarint(out, -1, position);
  const at = writeVarint(out, field.length, position);
  return at + field.copy(out, at);
}
