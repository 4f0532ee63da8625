import { describe, expect, it } from 'vitest';
import {
  Attribute,
  BATCH_OVERHEAD_BYTES,
  BatchField,
  computeCrc,
  readBatchHeader,
  withLogAppendTime,
  withMaxTimestamp,
} from '../../../lib/records/batch.ts';
import { Codec, compress } from '../../../lib/records/compression/codec.ts';
import { encodeControlBatch } from '../../../lib/records/control.ts';
import { type BatchOptions, encodeBatch, type RecordInput } from '../../../lib/records/encode.ts';
import {
  DEFAULT_TIMESTAMP_AFTER_MAX_MS,
  DEFAULT_TIMESTAMP_BEFORE_MAX_MS,
  type ProduceRules,
} from '../../../lib/records/produce-rules.ts';
import { MAX_RECORD_ERRORS } from '../../../lib/records/record-check.ts';
import { readProducedBatch, validateProduceRecords } from '../../../lib/records/validate.ts';
import { byCodec, magic1, plain } from './golden.ts';

const NOW = 1_700_000_000_000;

const RULES: ProduceRules = {
  allowsZstd: true,
  maxMessageBytes: 1_048_588,
  requireKeys: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: DEFAULT_TIMESTAMP_BEFORE_MAX_MS,
  timestampAfterMaxMs: DEFAULT_TIMESTAMP_AFTER_MAX_MS,
  validation: 'full',
  codec: undefined,
  now: NOW,
};

const record = (change: Partial<RecordInput> = {}): RecordInput => ({
  timestamp: NOW,
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  ...change,
});

const batchOf = (options: BatchOptions = {}, records = [record(), record()]) => encodeBatch(records, options);

/** A batch with other bytes and a CRC that covers them. */
function changed(batch: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(batch);
  change(copy);
  copy.writeUInt32BE(computeCrc(copy), BatchField.crc);
  return copy;
}

function reasonOf(records: Buffer | null, rules: Partial<ProduceRules> = {}): string {
  const result = validateProduceRecords(readProducedBatch(records), { ...RULES, ...rules });
  return result.kind === 'invalid' ? result.reason : result.kind;
}

describe('validateProduceRecords', () => {
  it('hands back a valid batch as it came', () => {
    const batch = batchOf();
    expect(validateProduceRecords(readProducedBatch(batch), RULES)).toEqual({
      kind: 'valid',
      header: readBatchHeader(batch),
      batch,
    });
    expect(reasonOf(plain, { now: 1700000000123 })).toBe('valid');
    expect(reasonOf(batchOf({ producerId: 1, producerEpoch: 0, baseSequence: 0, isTransactional: true }))).toBe(
      'valid',
    );
  });

  it('takes every codec that the Java client has', () => {
    for (const batch of Object.values(byCodec)) {
      const first = Buffer.from(batch);
      first.writeBigInt64BE(0n, 0);
      expect(reasonOf(first)).toBe('valid');
      expect(reasonOf(first, { timestampAfterMaxMs: 1000 })).toBe('valid');
    }
  });

  it('wants exactly one whole batch of magic 2', () => {
    const batch = batchOf();
    expect(reasonOf(null)).toBe('INVALID_RECORD');
    expect(reasonOf(Buffer.alloc(0))).toBe('INVALID_RECORD');
    expect(reasonOf(batch.subarray(0, 40))).toBe('INVALID_RECORD');
    expect(reasonOf(batch.subarray(0, -1))).toBe('INVALID_RECORD');
    expect(reasonOf(Buffer.concat([batch, batch]))).toBe('INVALID_RECORD');
    expect(reasonOf(Buffer.concat([batch, Buffer.alloc(3)]))).toBe('INVALID_RECORD');
    expect(reasonOf(magic1)).toBe('INVALID_RECORD');
    expect(reasonOf(changed(batch, (copy) => copy.writeInt8(3, BatchField.magic)))).toBe('CORRUPT_MESSAGE');
    expect(reasonOf(changed(batch, (copy) => copy.writeInt8(-1, BatchField.magic)))).toBe('CORRUPT_MESSAGE');
    expect(reasonOf(changed(batch, (copy) => copy.writeInt32BE(48, BatchField.length)))).toBe('CORRUPT_MESSAGE');
  });

  it('checks the CRC', () => {
    for (const position of [BatchField.crc, BatchField.attributes, BATCH_OVERHEAD_BYTES, 70]) {
      const batch = batchOf();
      batch[position]! ^= 0x40;
      expect(reasonOf(batch)).toBe('CORRUPT_MESSAGE');
    }
  });

  it('wants the base offset 0, and heeds the size limit', () => {
    expect(reasonOf(batchOf({ baseOffset: 1 }))).toBe('INVALID_RECORD');
    const batch = batchOf();
    expect(reasonOf(batch, { maxMessageBytes: batch.length })).toBe('valid');
    expect(reasonOf(batch, { maxMessageBytes: batch.length - 1 })).toBe('MESSAGE_TOO_LARGE');
  });

  it('wants as many records as the offsets span, and at least one', () => {
    expect(reasonOf(batchOf({}, []))).toBe('INVALID_RECORD');
    expect(reasonOf(batchOf({ lastOffset: 2 }))).toBe('INVALID_RECORD');
    const negative = (copy: Buffer) => {
      copy.writeInt32BE(-1, BatchField.lastOffsetDelta);
      copy.writeInt32BE(0, BatchField.recordCount);
    };
    expect(reasonOf(changed(batchOf(), negative))).toBe('INVALID_RECORD');
  });

  it('refuses what only brokers write', () => {
    const marker = { type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW } as const;
    expect(reasonOf(encodeControlBatch(marker))).toBe('INVALID_RECORD');
    expect(reasonOf(batchOf({ isControl: true }))).toBe('INVALID_RECORD');
    expect(reasonOf(batchOf({ deleteHorizon: NOW }))).toBe('INVALID_RECORD');
    expect(reasonOf(withLogAppendTime(batchOf(), NOW))).toBe('INVALID_TIMESTAMP');
    expect(reasonOf(withLogAppendTime(batchOf(), NOW), { timestampType: 'LogAppendTime' })).toBe('INVALID_TIMESTAMP');
  });

  it('wants epoch and sequence with a producer id, and a producer id in a transaction', () => {
    expect(reasonOf(batchOf({ producerId: 1, producerEpoch: 0 }))).toBe('INVALID_RECORD');
    expect(reasonOf(batchOf({ producerId: 1, baseSequence: 0 }))).toBe('INVALID_RECORD');
    expect(reasonOf(batchOf({ isTransactional: true }))).toBe('INVALID_RECORD');
    // What kafkajs sends without idempotence.
    expect(reasonOf(batchOf({ producerId: -1, producerEpoch: 0, baseSequence: 0 }))).toBe('valid');
  });

  it('knows its codecs, and zstd only from Produce 7 on', () => {
    const unknown = changed(batchOf(), (copy) => copy.writeInt16BE(5, BatchField.attributes));
    expect(reasonOf(unknown)).toBe('UNSUPPORTED_COMPRESSION_TYPE');
    const zstd = Buffer.from(byCodec.zstd);
    zstd.writeBigInt64BE(0n, 0);
    expect(reasonOf(zstd, { allowsZstd: false })).toBe('UNSUPPORTED_COMPRESSION_TYPE');
    expect(reasonOf(zstd, { allowsZstd: true })).toBe('valid');
  });

  describe.each(['none', 'gzip', 'snappy', 'lz4'] as const)('with %s', (name) => {
    const codec = Codec[name];

    it('wants keys where the topic is compacted, and names the records without', () => {
      const batch = batchOf({ codec }, [
        record(),
        record({ key: null }),
        record({ key: Buffer.alloc(0) }),
        record({ key: null }),
      ]);
      expect(reasonOf(batch)).toBe('valid');
      expect(validateProduceRecords(readProducedBatch(batch), { ...RULES, requireKeys: true })).toMatchObject({
        kind: 'invalid',
        reason: 'INVALID_RECORD',
        recordErrors: [{ batchIndex: 1 }, { batchIndex: 3 }],
      });
    });

    it('heeds the limits of timestamps', () => {
      const at = (...timestamps: number[]) =>
        batchOf(
          { codec },
          timestamps.map((timestamp) => record({ timestamp })),
        );
      const hour = DEFAULT_TIMESTAMP_AFTER_MAX_MS;
      expect(reasonOf(at(0, NOW + hour))).toBe('valid');
      expect(reasonOf(at(NOW, NOW + hour + 1, NOW))).toBe('INVALID_TIMESTAMP');
      expect(reasonOf(at(NOW, NOW + hour + 1), { timestampType: 'LogAppendTime' })).toBe('valid');
      expect(reasonOf(at(NOW + 1_000, NOW), { timestampAfterMaxMs: 999 })).toBe('INVALID_TIMESTAMP');
      expect(reasonOf(at(NOW, NOW - 1_000, NOW), { timestampBeforeMaxMs: 1_000 })).toBe('valid');
      expect(reasonOf(at(NOW, NOW - 1_001, NOW), { timestampBeforeMaxMs: 1_000 })).toBe('INVALID_TIMESTAMP');
      expect(reasonOf(at(-1, -1), { timestampBeforeMaxMs: 1_000 })).toBe('valid');
      expect(reasonOf(at(NOW, NOW + hour + 1), { now: Number.NaN })).toBe('valid');
    });

    it('refuses records that are not what the header says, where it looks', () => {
      const rules = { requireKeys: true };
      const count = (copy: Buffer) => {
        copy.writeInt32BE(2, BatchField.lastOffsetDelta);
        copy.writeInt32BE(3, BatchField.recordCount);
      };
      expect(reasonOf(changed(batchOf({ codec }), count), rules)).toBe('INVALID_RECORD');
      const deltas = batchOf({ codec }, [record({ offset: 0 }), record({ offset: 2 })]);
      const gap = changed(deltas, (copy) => copy.writeInt32BE(1, BatchField.lastOffsetDelta));
      expect(reasonOf(gap, rules)).toBe(codec === Codec.none ? 'valid' : 'INVALID_RECORD');
    });
  });

  it('refuses compressed bytes that do not decode, unless producers are trusted', () => {
    const batch = batchOf({ codec: Codec.gzip });
    const broken = changed(batch, (copy) => copy.fill(0x55, BATCH_OVERHEAD_BYTES + 12));
    expect(reasonOf(broken)).toBe('INVALID_RECORD');
    expect(reasonOf(broken, { requireKeys: true, validation: 'header' })).toBe('INVALID_RECORD');
    expect(reasonOf(broken, { validation: 'header' })).toBe('valid');
  });

  it('refuses a bomb of bytes that are no records', async () => {
    const payload = compress(Codec.gzip, Buffer.alloc(65 * 1024 * 1024));
    const batch = Buffer.concat([batchOf().subarray(0, BATCH_OVERHEAD_BYTES), payload]);
    const valid = changed(batch, (copy) => {
      copy.writeInt32BE(copy.length - 12, BatchField.length);
      copy.writeInt16BE(Codec.gzip, BatchField.attributes);
    });
    const begun = validateProduceRecords(readProducedBatch(valid), RULES);
    if (begun.kind !== 'unfinished') throw new Error(begun.kind);
    expect(await begun.finish(async () => ({ left: 1 }))).toMatchObject({ reason: 'INVALID_RECORD' });
  });

  it('corrects a maximum timestamp that is not the records own', () => {
    const lied = withMaxTimestamp(batchOf({}, [record({ timestamp: NOW - 5 })]), NOW + 77);
    const result = validateProduceRecords(readProducedBatch(lied), RULES);
    expect(result).toMatchObject({ kind: 'valid', header: { maxTimestamp: NOW - 5 } });
    expect(result.kind === 'valid' && computeCrc(result.batch)).toBe(result.kind === 'valid' && result.header.crc);
    expect(readBatchHeader(lied).maxTimestamp).toBe(NOW + 77);
  });

  it('names no more records than it should', () => {
    const records = Array.from({ length: MAX_RECORD_ERRORS + 50 }, () => record({ key: null }));
    const result = validateProduceRecords(readProducedBatch(batchOf({}, records)), { ...RULES, requireKeys: true });
    expect(result.kind === 'invalid' && result.recordErrors).toHaveLength(MAX_RECORD_ERRORS);
  });

  it('takes a bit without meaning for none', () => {
    const batch = changed(batchOf(), (copy) => copy.writeInt16BE(Attribute.deleteHorizon << 1, BatchField.attributes));
    expect(reasonOf(batch)).toBe('valid');
  });
});
