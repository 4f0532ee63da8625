import { describe, expect, it } from 'vitest';
import {
  BATCH_OVERHEAD_BYTES,
  compressionCodec,
  computeCrc,
  hasDeleteHorizon,
  incrementSequence,
  isControl,
  isTransactional,
  lastOffset,
  patchBatch,
  readBatchHeader,
  splitBatches,
  timestampType,
  withLogAppendTime,
  withMaxTimestamp,
} from '../../../lib/records/batch.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { CorruptRecordError } from '../../../lib/records/error.ts';
import { readInt64, writeInt64 } from '../../../lib/records/int64.ts';
import { readRecords } from '../../support/read-records.ts';
import { abort, appendTime, byCodec, commit, GOLDEN_RECORDS, magic1, plain } from './golden.ts';

describe('readBatchHeader', () => {
  it('reads what the Java client wrote', () => {
    expect(readBatchHeader(byCodec.gzip)).toEqual({
      baseOffset: 42,
      sizeInBytes: byCodec.gzip.length,
      partitionLeaderEpoch: 5,
      magic: 2,
      crc: byCodec.gzip.readUInt32BE(17),
      attributes: 0x11,
      lastOffsetDelta: 3,
      baseTimestamp: 1700000000123,
      maxTimestamp: 1700000000999,
      producerId: 4711,
      producerEpoch: 3,
      baseSequence: 17,
      recordCount: 4,
    });
  });

  it('tells the attributes apart', () => {
    const of = (batch: Buffer) => readBatchHeader(batch).attributes;
    expect(Object.values(byCodec).map((batch) => compressionCodec(of(batch)))).toEqual([0, 1, 2, 3, 4]);
    expect([isTransactional(of(byCodec.none)), isTransactional(of(plain))]).toEqual([true, false]);
    expect([isControl(of(commit)), isControl(of(plain))]).toEqual([true, false]);
    expect([timestampType(of(appendTime)), timestampType(of(plain))]).toEqual(['LogAppendTime', 'CreateTime']);
    const withHorizon = encodeBatch([{ timestamp: 5 }], { deleteHorizon: 9 });
    expect([hasDeleteHorizon(of(withHorizon)), hasDeleteHorizon(of(plain))]).toEqual([true, false]);
  });

  it('derives the last offset, and sequences that wrap around', () => {
    const header = readBatchHeader(byCodec.none);
    expect([lastOffset(header), incrementSequence(header.baseSequence, header.lastOffsetDelta)]).toEqual([45, 20]);
    expect([incrementSequence(2 ** 31 - 1, 1), incrementSequence(2 ** 31 - 2, 4)]).toEqual([0, 2]);
  });

  it('refuses a header that is cut off, another magic and an impossible length', () => {
    expect(() => readBatchHeader(plain.subarray(0, BATCH_OVERHEAD_BYTES - 1))).toThrow(CorruptRecordError);
    expect(() => readBatchHeader(Buffer.concat([magic1, magic1]))).toThrow(CorruptRecordError);
    const short = Buffer.from(plain);
    short.writeInt32BE(BATCH_OVERHEAD_BYTES - 13, 8);
    expect(() => readBatchHeader(short)).toThrow(CorruptRecordError);
    short.writeInt32BE(-1, 8);
    expect(() => readBatchHeader(short)).toThrow(CorruptRecordError);
  });
});

describe('splitBatches', () => {
  it('gives the whole batches and leaves out the one that is cut off', () => {
    const log = Buffer.concat([byCodec.lz4, commit, abort]);
    const whole = splitBatches(log);
    expect(whole.map(({ bytes }) => bytes)).toEqual([byCodec.lz4, commit, abort]);
    expect(whole.map(({ header }) => header.baseOffset)).toEqual([42, 99, 0]);
    for (const cut of [1, abort.length - BATCH_OVERHEAD_BYTES, abort.length - 1]) {
      expect(splitBatches(log.subarray(0, log.length - cut))).toHaveLength(2);
    }
    expect(splitBatches(log, byCodec.lz4.length)).toHaveLength(2);
    expect(splitBatches(Buffer.alloc(0))).toEqual([]);
  });

  it('throws where no batch begins', () => {
    expect(() => splitBatches(Buffer.concat([plain, Buffer.alloc(100)]))).toThrow(CorruptRecordError);
  });
});

describe('rewriting', () => {
  it('patches base offset and leader epoch in place, and the CRC still holds', () => {
    const batch = Buffer.from(plain);
    patchBatch(batch, 2 ** 40 + 3, 77);
    const header = readBatchHeader(batch);
    expect([header.baseOffset, header.partitionLeaderEpoch]).toEqual([2 ** 40 + 3, 77]);
    expect(computeCrc(batch)).toBe(header.crc);
    expect(readRecords(batch)[0]!.offset).toBe(2 ** 40 + 3);
  });

  it('gives every record the append time and a CRC that holds', () => {
    const before = Buffer.from(byCodec.snappy);
    const batch = withLogAppendTime(byCodec.snappy, 1800000000000);
    expect(byCodec.snappy).toEqual(before);
    const header = readBatchHeader(batch);
    expect([timestampType(header.attributes), header.maxTimestamp]).toEqual(['LogAppendTime', 1800000000000]);
    expect(compressionCodec(header.attributes)).toBe(2);
    expect(computeCrc(batch)).toBe(header.crc);
    expect(readRecords(batch).map(({ timestamp }) => timestamp)).toEqual(GOLDEN_RECORDS.map(() => 1800000000000));
  });

  it('gives the same bytes as Kafka for an append time', () => {
    const { maxTimestamp } = readBatchHeader(appendTime);
    const created = encodeBatch(GOLDEN_RECORDS, { baseOffset: 7, partitionLeaderEpoch: 0 });
    expect(withLogAppendTime(created, maxTimestamp)).toEqual(appendTime);
  });

  it('corrects the maximum timestamp alone', () => {
    const header = readBatchHeader(withMaxTimestamp(plain, 5));
    expect(header.crc).toBe(computeCrc(withMaxTimestamp(plain, 5)));
    expect({ ...header, crc: 0 }).toEqual({ ...readBatchHeader(plain), maxTimestamp: 5, crc: 0 });
  });
});

describe('int64', () => {
  it('carries safe integers and saturates beyond them', () => {
    const buffer = Buffer.alloc(8);
    const { MAX_SAFE_INTEGER: max, MIN_SAFE_INTEGER: min } = Number;
    for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 31, 4294967295, -4294967297, max, min]) {
      writeInt64(buffer, value, 0);
      expect(buffer.readBigInt64BE(0)).toBe(BigInt(value));
      expect(readInt64(buffer, 0)).toBe(value);
    }
    for (const [value, expected] of [
      [2n ** 53n, max],
      [2n ** 63n - 1n, max],
      [-(2n ** 53n), min],
      [-(2n ** 63n), min],
    ] as const) {
      buffer.writeBigInt64BE(value, 0);
      expect(readInt64(buffer, 0)).toBe(expected);
    }
  });
});
