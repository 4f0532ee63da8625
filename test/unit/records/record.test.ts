import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { BATCH_OVERHEAD_BYTES, BatchField, computeCrc, readBatchHeader } from '../../../lib/records/batch.ts';
import { Codec, type CodecId, type CodecName, canCompress, compress } from '../../../lib/records/compression/codec.ts';
import { encodeControlBatch, readControlBatch } from '../../../lib/records/control.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { CorruptRecordError } from '../../../lib/records/error.ts';
import { withPayload } from '../../../lib/records/recompress.ts';
import { iterateRecords, openBatch, uncompressedRecords } from '../../../lib/records/record.ts';
import { findByTimestamp, findMaxTimestamp } from '../../../lib/records/timestamps.ts';
import { readRecords } from '../../support/read-records.ts';
import { abort, appendTime, byCodec, commit, GOLDEN_RECORDS, plain } from './golden.ts';

const require = createRequire(import.meta.url);
const CODECS = Object.keys(Codec) as CodecName[];

const JAVA_OPTIONS = {
  baseOffset: 42,
  partitionLeaderEpoch: 5,
  producerId: 4711,
  producerEpoch: 3,
  baseSequence: 17,
  isTransactional: true,
};

describe('reading records', () => {
  it.each(CODECS)('reads what the Java client wrote with %s', (name) => {
    expect(readRecords(byCodec[name])).toEqual(GOLDEN_RECORDS.map((record, i) => ({ ...record, offset: 42 + i })));
  });

  it('yields the same records one by one', () => {
    expect([...iterateRecords(byCodec.lz4)]).toEqual(readRecords(byCodec.lz4));
  });

  it('gives all records the batch timestamp under LogAppendTime', () => {
    const { maxTimestamp } = readBatchHeader(appendTime);
    expect(new Set(readRecords(appendTime).map(({ timestamp }) => timestamp))).toEqual(new Set([maxTimestamp]));
  });

  it('reads what kafkajs wrote', async () => {
    const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js');
    const recordOf = require('kafkajs/src/protocol/recordBatch/record/v0/index.js');
    const headers = { a: '1', b: ['2', '3'] };
    for (const compression of [0, 1]) {
      const batch: Buffer = (
        await RecordBatch({
          compression,
          firstTimestamp: 1000,
          maxTimestamp: 1500,
          lastOffsetDelta: 1,
          records: [
            recordOf({ offsetDelta: 0, timestampDelta: 0, key: 'k', value: 'v', headers }),
            recordOf({ offsetDelta: 1, timestampDelta: 500, key: null, value: null, headers: {} }),
          ],
        })
      ).buffer;
      expect(computeCrc(batch)).toBe(readBatchHeader(batch).crc);
      expect(readRecords(batch)).toEqual([
        {
          offset: 0,
          timestamp: 1000,
          key: Buffer.from('k'),
          value: Buffer.from('v'),
          headers: [
            { key: 'a', value: Buffer.from('1') },
            { key: 'b', value: Buffer.from('2') },
            { key: 'b', value: Buffer.from('3') },
          ],
        },
        { offset: 1, timestamp: 1500, key: null, value: null, headers: [] },
      ]);
    }
  });

  it('takes a batch that compaction left without records', () => {
    const empty = encodeBatch([], { baseOffset: 10, lastOffset: 14 });
    expect(readBatchHeader(empty)).toMatchObject({ lastOffsetDelta: 4, recordCount: 0, maxTimestamp: -1 });
    expect(readRecords(empty)).toEqual([]);
    empty.writeInt16BE(Codec.lz4, BatchField.attributes);
    expect(readRecords(empty)).toEqual([]);
  });

  it('refuses an unknown codec, a negative count, a batch that is cut off', () => {
    const broken = (change: (batch: Buffer) => void): Buffer => {
      const batch = Buffer.from(byCodec.none);
      change(batch);
      return batch;
    };
    const cases = [
      broken((batch) => batch.writeInt16BE(5, BatchField.attributes)),
      broken((batch) => batch.writeInt32BE(-1, BatchField.recordCount)),
      broken((batch) => batch.writeInt32BE(3, BatchField.recordCount)),
      broken((batch) => batch.writeInt32BE(5, BatchField.recordCount)),
      byCodec.none.subarray(0, -1),
    ];
    for (const batch of cases) expect(() => readRecords(batch)).toThrow(CorruptRecordError);
  });

  // One record of `size` bytes in an otherwise valid batch.
  const withRecord = (...bytes: number[]): Buffer => {
    const batch = Buffer.concat([plain.subarray(0, BATCH_OVERHEAD_BYTES), Buffer.from(bytes)]);
    batch.writeInt32BE(batch.length - 12, BatchField.length);
    return batch;
  };

  it.each([
    ['no record at all', []],
    ['a length of zero', [0]],
    ['a negative length', [1]],
    ['a length beyond the batch', [40, 0, 0, 0, 1, 1, 0]],
    ['a length that never ends', [0x80, 0x80, 0x80, 0x80, 0x80, 0]],
    ['a timestamp that never ends', [28, 0, ...Array(11).fill(0x80), 0, 0]],
    ['a key beyond the record', [12, 0, 0, 0, 20, 1, 0]],
    ['a value beyond the record', [12, 0, 0, 0, 1, 20, 0]],
    ['a negative number of headers', [12, 0, 0, 0, 1, 1, 1]],
    ['more headers than bytes', [12, 0, 0, 0, 1, 1, 2]],
    ['a header without a key', [16, 0, 0, 0, 1, 1, 2, 1, 1]],
    ['bytes behind its fields', [14, 0, 0, 0, 1, 1, 0, 0]],
    ['bytes behind its last record', [12, 0, 0, 0, 1, 1, 0, 0]],
    ['a record that ends within a number', [6, 0, 0x80, 0x80]],
  ])('refuses %s', (_, bytes) => {
    expect(() => readRecords(withRecord(...bytes))).toThrow(CorruptRecordError);
  });

  it('refuses a record with bytes to spare although they look like another one', () => {
    const batch = withRecord(14, 0, 0, 0, 1, 1, 0, 12, 0, 0, 2, 1, 1, 0);
    batch.writeInt32BE(2, BatchField.recordCount);
    expect(() => readRecords(batch)).toThrow(CorruptRecordError);
  });

  it('accepts the smallest record, and null for any negative length', () => {
    const smallest = { offset: 0, timestamp: 1700000000123, key: null, value: null, headers: [] };
    expect(readRecords(withRecord(12, 0, 0, 0, 1, 1, 0))).toEqual([smallest]);
    expect(readRecords(withRecord(12, 0, 0, 0, 3, 5, 0))).toEqual([smallest]);
  });

  it('stops a bomb at the bound', () => {
    const bomb = encodeBatch([{ timestamp: 0, value: Buffer.alloc(10_000_000) }], { codec: Codec.gzip });
    expect(bomb.length).toBeLessThan(20_000);
    expect(() => openBatch(bomb, readBatchHeader(bomb), 1_000_000)).toThrow(CorruptRecordError);
    expect(openBatch(bomb).next()).toBe(true);
  });
});

describe('encodeBatch', () => {
  it('gives the same bytes as the Java client', () => {
    expect(encodeBatch(GOLDEN_RECORDS, JAVA_OPTIONS)).toEqual(byCodec.none);
    expect(encodeBatch(GOLDEN_RECORDS.slice(0, 1))).toEqual(plain);
  });

  it.each(CODECS.filter((name) => canCompress(Codec[name])))('writes %s that it reads again', (name) => {
    const batch = encodeBatch(GOLDEN_RECORDS, { ...JAVA_OPTIONS, codec: Codec[name] });
    expect(readRecords(batch)).toEqual(readRecords(byCodec[name]));
    const header = readBatchHeader(batch);
    expect(header.crc).toBe(computeCrc(batch));
    const { crc: _, sizeInBytes: __, ...fields } = header;
    expect(readBatchHeader(byCodec[name])).toMatchObject(fields);
  });

  it('keeps offsets with gaps, the last offset and the delete horizon, for compaction', () => {
    const records = [
      { timestamp: 900, offset: 12, key: Buffer.from('a') },
      { timestamp: 950, offset: 17, key: Buffer.from('b') },
    ];
    const batch = encodeBatch(records, { baseOffset: 10, lastOffset: 20, deleteHorizon: 5000 });
    expect(readBatchHeader(batch)).toMatchObject({
      baseOffset: 10,
      lastOffsetDelta: 10,
      recordCount: 2,
      baseTimestamp: 5000,
      maxTimestamp: 950,
    });
    expect(readRecords(batch)).toMatchObject(records);
  });

  it('refuses offsets that do not ascend or pass the last one', () => {
    const at = (offset: number) => ({ timestamp: 0, offset });
    expect(() => encodeBatch([at(3), at(3)])).toThrow('ascend');
    expect(() => encodeBatch([at(3)], { baseOffset: 4 })).toThrow('ascend');
    expect(() => encodeBatch([at(3)], { lastOffset: 2 })).toThrow('last');
  });
});

describe('withPayload', () => {
  /** The batch with its records in another compression. */
  function withCodec(batch: Buffer, codec: CodecId): Buffer {
    const header = readBatchHeader(batch);
    return withPayload(batch, compress(codec, uncompressedRecords(batch, header)), codec, header.maxTimestamp);
  }

  it.each(CODECS.filter((name) => canCompress(Codec[name])))('puts records into %s', (name) => {
    const batch = withCodec(byCodec.none, Codec[name]);
    expect(readRecords(batch)).toEqual(readRecords(byCodec.none));
    expect(readBatchHeader(batch)).toMatchObject({
      sizeInBytes: batch.length,
      crc: computeCrc(batch),
      attributes: readBatchHeader(byCodec[name]).attributes,
    });
    expect(withCodec(batch, Codec.none)).toEqual(byCodec.none);
  });
});

describe('control batches', () => {
  it('are the same bytes as the Java client writes', () => {
    const common = { producerId: 4711, timestamp: 1700000005000 };
    expect(
      encodeControlBatch({
        ...common,
        type: 'commit',
        producerEpoch: 3,
        coordinatorEpoch: 12,
        baseOffset: 99,
        partitionLeaderEpoch: 8,
      }),
    ).toEqual(commit);
    expect(
      encodeControlBatch({
        ...common,
        type: 'abort',
        producerEpoch: 4,
        coordinatorEpoch: 13,
        timestamp: 1700000005001,
      }),
    ).toEqual(abort);
  });

  it('are read', () => {
    expect(readControlBatch(commit)).toEqual({ kind: 'marker', type: 'commit', coordinatorEpoch: 12 });
    expect(readControlBatch(abort)).toEqual({ kind: 'marker', type: 'abort', coordinatorEpoch: 13 });
    expect(() => readControlBatch(plain)).toThrow('control');
  });

  it('may hold other types, nothing, or too little', () => {
    const control = (key: Buffer | null, value: Buffer | null) =>
      encodeBatch([{ timestamp: 0, key, value }], { isControl: true });
    expect(readControlBatch(control(Buffer.from([0, 0, 0, 2]), null))).toEqual({ kind: 'other', code: 2 });
    expect(readControlBatch(encodeBatch([], { isControl: true }))).toBeUndefined();
    expect(() => readControlBatch(control(null, null))).toThrow(CorruptRecordError);
    expect(() => readControlBatch(control(Buffer.from([0, 0]), null))).toThrow(CorruptRecordError);
    expect(() => readControlBatch(control(Buffer.from([0, 0, 0, 1]), null))).toThrow(CorruptRecordError);
  });
});

/** A share of work so small that it takes several. */
const share = async () => ({ left: 1 });

describe('timestamps', () => {
  it.each(CODECS)('are found inside %s', async (name) => {
    const batch = byCodec[name];
    expect(await findByTimestamp(batch, 0, share)).toEqual({ offset: 42, timestamp: 1700000000123 });
    expect(await findByTimestamp(batch, 1700000000124, share)).toEqual({ offset: 44, timestamp: 1700000000999 });
    expect(await findByTimestamp(batch, 1700000000999, share)).toEqual({ offset: 44, timestamp: 1700000000999 });
    expect(await findByTimestamp(batch, 1700000001000, share)).toBeUndefined();
    expect(await findByTimestamp(batch, 0, share, 43)).toEqual({ offset: 43, timestamp: 1700000000100 });
    expect(await findByTimestamp(batch, 0, share, 46)).toBeUndefined();
    expect(await findMaxTimestamp(batch, share)).toEqual({ offset: 44, timestamp: 1700000000999 });
  });

  it('are all one under LogAppendTime, and the first record has it', async () => {
    const { maxTimestamp } = readBatchHeader(appendTime);
    expect(await findMaxTimestamp(appendTime, share)).toEqual({ offset: 7, timestamp: maxTimestamp });
    expect(await findByTimestamp(appendTime, maxTimestamp, share)).toEqual({ offset: 7, timestamp: maxTimestamp });
  });

  it('are absent from an empty batch', async () => {
    expect(await findMaxTimestamp(encodeBatch([]), share)).toBeUndefined();
    expect(await findByTimestamp(encodeBatch([]), -1, share)).toBeUndefined();
  });

  it('count from the base although it lies far away', () => {
    const far = encodeBatch([{ timestamp: 0 }, { timestamp: Number.MAX_SAFE_INTEGER }]);
    expect(readRecords(far).map(({ timestamp }) => timestamp)).toEqual([0, Number.MAX_SAFE_INTEGER]);
    const back = encodeBatch([{ timestamp: Number.MAX_SAFE_INTEGER }, { timestamp: 0 }]);
    expect(readRecords(back).map(({ timestamp }) => timestamp)).toEqual([Number.MAX_SAFE_INTEGER, 0]);
  });
});

describe('compression of the Java client', () => {
  it('is met where the format leaves no choice', () => {
    const payload = byCodec.none.subarray(BATCH_OVERHEAD_BYTES);
    const snappy = compress(Codec.snappy, payload);
    expect(snappy.subarray(0, 16)).toEqual(byCodec.snappy.subarray(BATCH_OVERHEAD_BYTES, BATCH_OVERHEAD_BYTES + 16));
    const lz4 = compress(Codec.lz4, payload);
    expect(lz4.subarray(0, 7)).toEqual(byCodec.lz4.subarray(BATCH_OVERHEAD_BYTES, BATCH_OVERHEAD_BYTES + 7));
  });
});
