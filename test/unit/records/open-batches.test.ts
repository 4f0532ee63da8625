import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  BATCH_OVERHEAD_BYTES,
  BatchField,
  compressionCodec,
  computeCrc,
  readBatchHeader,
} from '../../../lib/records/batch.ts';
import { Codec, type CodecId, compress, decompress } from '../../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import type { ProduceRules, ValidatedRecords } from '../../../lib/records/produce-rules.ts';
import { withPayload } from '../../../lib/records/recompress.ts';
import { readProducedBatch, validateProduceRecords } from '../../../lib/records/validate.ts';
import { readRecords } from '../../support/read-records.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { byCodec } from './golden.ts';

/** What is expected here was read off Apache Kafka 4.3.1, where nothing else is said. */

const NOW = 1_700_000_000_000;
const MIB = 1024 * 1024;

const RULES: ProduceRules = {
  allowsZstd: true,
  maxMessageBytes: MIB + 12,
  requireKeys: false,
  timestampType: 'CreateTime',
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  validation: 'full',
  codec: undefined,
  now: NOW,
};

const CODECS: readonly (readonly [string, CodecId])[] = [
  ['none', Codec.none],
  ['gzip', Codec.gzip],
  ['snappy', Codec.snappy],
  ['lz4', Codec.lz4],
  ['zstd', Codec.zstd],
];
const COMPRESSED = CODECS.filter(([, codec]) => codec !== Codec.none);

/** Data frames of blocks that are stored as they are: this needs no encoder. */
function pack(codec: CodecId, data: Buffer): Buffer {
  if (codec !== Codec.zstd) return compress(codec, data);
  const parts: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38])];
  for (let at = 0; at === 0 || at < data.length; at += 100_000) {
    const block = data.subarray(at, at + 100_000);
    const head = Buffer.alloc(3);
    head.writeUIntLE((block.length << 3) | Number(at + 100_000 >= data.length), 0, 3);
    parts.push(head, block);
  }
  return Buffer.concat(parts);
}

/** The records of a batch with 3 records at NOW, NOW + 5 and NOW + 3, changed, packed with the codec under a header of theirs. */
function batchOf(
  codec: CodecId,
  change: (payload: Buffer) => Buffer = (payload) => payload,
  offsets = [0, 1, 2],
): Buffer {
  const times = [0, 5, 3];
  const records = offsets.map((offset, i) => ({
    timestamp: NOW + times[i]!,
    key: Buffer.from('k'),
    value: Buffer.from([i]),
    offset,
  }));
  const plain = encodeBatch(records);
  const payload = change(plain.subarray(BATCH_OVERHEAD_BYTES));
  plain.writeInt32BE(2, BatchField.lastOffsetDelta);
  return withPayload(plain, pack(codec, payload), codec, NOW + 5);
}

/** The payload as `codec` does not give it. */
function packed(codec: CodecId, payload: Buffer): Buffer {
  return withPayload(batchOf(Codec.none), payload, codec, NOW + 5);
}

const plainRecords = () => Buffer.from(batchOf(Codec.none).subarray(BATCH_OVERHEAD_BYTES));

function withTimestampInHeader(batch: Buffer, maxTimestamp: number): Buffer {
  return withPayload(
    batch,
    batch.subarray(BATCH_OVERHEAD_BYTES),
    compressionCodec(readBatchHeader(batch).attributes) as CodecId,
    maxTimestamp,
  );
}

async function validate(batch: Buffer, rules: Partial<ProduceRules> = {}): Promise<ValidatedRecords> {
  const result = validateProduceRecords(readProducedBatch(batch), { ...RULES, ...rules }, { left: 1 });
  if (result.kind !== 'unfinished') return result;
  const finished = await result.finish(async () => ({ left: 1 }));
  if (finished === undefined) throw new Error('given up');
  return finished;
}

async function verdict(batch: Buffer, rules: Partial<ProduceRules> = {}): Promise<string> {
  const result = await validate(batch, rules);
  return result.kind === 'valid' ? 'valid' : result.reason;
}

async function stored(batch: Buffer, rules: Partial<ProduceRules> = {}): Promise<Buffer> {
  const result = await validate(batch, rules);
  if (result.kind !== 'valid') throw new Error(result.message);
  expect(result.header).toEqual(readBatchHeader(result.batch));
  expect(result.header.crc).toBe(computeCrc(result.batch));
  return result.batch;
}

describe.each(CODECS)('a batch in %s', (name, codec) => {
  it.each([
    ['is -1', -1],
    ['is too low', NOW + 1],
    ['lies in the far future', NOW + 10 ** 10],
  ])('gets the maximum timestamp of its records where that of the header %s', async (_, maxTimestamp) => {
    const batch = await stored(withTimestampInHeader(batchOf(codec), maxTimestamp));
    expect(readBatchHeader(batch).maxTimestamp).toBe(NOW + 5);
    expect(batch.subarray(BATCH_OVERHEAD_BYTES)).toEqual(batchOf(codec).subarray(BATCH_OVERHEAD_BYTES));
  });

  it('is handed back as it came where nothing is wrong', async () => {
    const batch = batchOf(codec);
    expect(await stored(batch)).toBe(batch);
    expect(await verdict(byCodec[name as keyof typeof byCodec], { now: Number.NaN })).toBe('INVALID_RECORD'); // base offset
  });

  it('is refused for one record whose timestamp is out of range, whatever the header says', async () => {
    const late = encodeBatch([NOW, NOW + 10 ** 10].map((timestamp) => ({ timestamp })));
    const payload = pack(codec, late.subarray(BATCH_OVERHEAD_BYTES));
    const result = await validate(withPayload(late, payload, codec, NOW));
    expect(result).toMatchObject({ reason: 'INVALID_TIMESTAMP', recordErrors: [{ batchIndex: 1 }] });
  });

  it.each<[string, (payload: Buffer) => Buffer]>([
    ['fewer records than it counts', (payload) => payload.subarray(0, -10)],
    ['more bytes than its records', (payload) => Buffer.concat([payload, Buffer.from([0])])],
    ['no records', () => Buffer.alloc(0)],
    [
      'a record that is too short for its fields',
      (payload) => Buffer.concat([Buffer.from([payload[0]! - 2]), payload.subarray(1)]),
    ],
    ['a record of negative size', (payload) => Buffer.concat([Buffer.from([1]), payload.subarray(1)])],
    ['a negative count of headers', (payload) => Buffer.concat([payload.subarray(0, -1), Buffer.from([1])])],
    ['more headers than bytes', (payload) => Buffer.concat([payload.subarray(0, -1), Buffer.from([120])])],
  ])('is refused with %s', async (_, change) => {
    expect(await verdict(batchOf(codec, change))).toBe('INVALID_RECORD');
  });

  it('may have records with attributes, and lengths below -1 for null', async () => {
    const change = (payload: Buffer) => {
      payload[1] = 7;
      // A length of -5 in place of one byte of key: the size is one less.
      const end = payload[0]! / 2 + 1;
      const record = Buffer.concat([payload.subarray(0, 4), Buffer.from([9]), payload.subarray(6, end)]);
      record[0] = record[0]! - 2;
      return Buffer.concat([record, payload.subarray(end)]);
    };
    expect(await verdict(batchOf(codec, change))).toBe('valid');
    expect(await verdict(batchOf(codec, change), { requireKeys: true })).toBe('INVALID_RECORD');
  });

  it.each([[[0, 0, 0]], [[0, 2, 1]], [[5, 9, 300]]])('with the offset deltas %s', async (offsets) => {
    const wrong = batchOf(codec, renumber(offsets));
    if (codec !== Codec.none) {
      // Kafka refuses these with UNKNOWN_SERVER_ERROR.
      expect(await verdict(wrong)).toBe('INVALID_RECORD');
      expect(await verdict(wrong, { validation: 'header' })).toBe('valid');
      return;
    }
    // Kafka takes these as they are, and the Java consumer then misses all records whose offset it has passed.
    const batch = await stored(wrong);
    expect(readRecords(batch)).toEqual(readRecords(batchOf(codec)));
    expect(readBatchHeader(batch).lastOffsetDelta).toBe(2);
  });
});

/** Sets the offset deltas of three small records. */
function renumber(offsets: readonly number[]): (payload: Buffer) => Buffer {
  return (payload) => {
    const size = payload.length / 3;
    return Buffer.concat(
      offsets.map((offset, i) => {
        const record = payload.subarray(i * size, (i + 1) * size);
        const delta = offset < 64 ? [offset * 2] : [((offset * 2) & 0x7f) | 0x80, offset >> 6];
        const body = Buffer.concat([record.subarray(1, 3), Buffer.from(delta), record.subarray(4)]);
        return Buffer.concat([Buffer.from([body.length * 2]), body]);
      }),
    );
  };
}

describe('compressed bytes', () => {
  it.each(COMPRESSED)('are refused where they are no %s', async (_, codec) => {
    for (const bytes of ['these bytes are nothing', '']) {
      expect(await verdict(packed(codec, Buffer.from(bytes)))).toBe('INVALID_RECORD');
    }
    const good = pack(codec, plainRecords());
    expect(await verdict(packed(codec, good))).toBe('valid');
    expect(await verdict(packed(codec, good.subarray(0, -1)))).toBe('INVALID_RECORD');
  });

  it('may be several gzip members, and must keep their checksums', async () => {
    const plain = plainRecords();
    const whole = gzipSync(plain);
    const members = Buffer.concat([gzipSync(plain.subarray(0, 7)), gzipSync(plain.subarray(7))]);
    expect(await verdict(packed(Codec.gzip, members))).toBe('valid');
    expect(await verdict(packed(Codec.gzip, Buffer.concat([whole, gzipSync('x')])))).toBe('INVALID_RECORD');
    expect(await verdict(packed(Codec.gzip, Buffer.concat([whole, Buffer.alloc(4)])))).toBe('valid');
    for (const at of [8, 4]) {
      const wrong = Buffer.from(whole);
      wrong[wrong.length - at]! ^= 1;
      expect(await verdict(packed(Codec.gzip, wrong))).toBe('INVALID_RECORD');
    }
  });

  it('in LZ4 are the first frame, of independent blocks, under a proper checksum', async () => {
    const frame = compress(Codec.lz4, plainRecords());
    expect(await verdict(packed(Codec.lz4, Buffer.concat([frame, Buffer.from('garbage!')])))).toBe('valid');
    expect(await verdict(packed(Codec.lz4, frame.subarray(0, -4)))).toBe('INVALID_RECORD');
    const linked = Buffer.from(frame);
    linked[4] = 0x40;
    linked[6] = 0xc0;
    expect(decompress(Codec.lz4, linked, MIB)).toEqual(plainRecords());
    expect(await verdict(packed(Codec.lz4, linked))).toBe('INVALID_RECORD');
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]);
    expect(await verdict(packed(Codec.lz4, Buffer.concat([skippable, frame])))).toBe('INVALID_RECORD');
  });

  it('in zstd may be several frames, skippable ones among them, within a window of 128 MiB', async () => {
    const plain = plainRecords();
    const frame = pack(Codec.zstd, plain);
    const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]);
    const two = [pack(Codec.zstd, plain.subarray(0, 7)), skippable, pack(Codec.zstd, plain.subarray(7)), skippable];
    expect(await verdict(packed(Codec.zstd, Buffer.concat(two)))).toBe('valid');
    expect(await verdict(packed(Codec.zstd, Buffer.concat([frame, Buffer.from('garbage!')])))).toBe('INVALID_RECORD');
    const window = (log: number) => {
      const copy = Buffer.from(frame);
      copy[5] = (log - 10) << 3;
      return verdict(packed(Codec.zstd, copy));
    };
    expect(await window(27)).toBe('valid');
    expect(await window(28)).toBe('INVALID_RECORD');
  });

  it('in framed snappy may be several streams', async () => {
    const plain = plainRecords();
    const [first, second] = [compress(Codec.snappy, plain.subarray(0, 7)), compress(Codec.snappy, plain.subarray(7))];
    expect(await verdict(packed(Codec.snappy, Buffer.concat([first, second])))).toBe('valid');
    expect(await verdict(packed(Codec.snappy, Buffer.concat([first, second.subarray(16)])))).toBe('valid');
  });
});

describe("a topic's own compression", () => {
  const targets = CODECS.filter(([, codec]) => codec !== Codec.zstd);
  const pairs = CODECS.flatMap(([from, source]) => targets.map(([to, target]) => [from, to, source, target] as const));

  it.each(pairs.filter(([from, to]) => from !== to))(
    '%s to %s puts wrong deltas and times right',
    async (_, __, source, target) => {
      const wrong = withTimestampInHeader(batchOf(source, renumber([0, 0, 0])), -1);
      const batch = await stored(wrong, { codec: target });
      expect(compressionCodec(readBatchHeader(batch).attributes)).toBe(target);
      expect(readBatchHeader(batch).maxTimestamp).toBe(NOW + 5);
      expect(readRecords(batch)).toEqual(readRecords(batchOf(Codec.none)));
    },
  );

  it('is held to max.message.bytes after it was applied', async () => {
    const zeros = encodeBatch([{ timestamp: NOW, value: Buffer.alloc(5 * MIB) }], { codec: Codec.gzip });
    expect(await verdict(zeros)).toBe('valid');
    expect(await verdict(zeros, { codec: Codec.none })).toBe('MESSAGE_TOO_LARGE');
    expect((await stored(zeros, { codec: Codec.lz4 })).length).toBeLessThan(30_000);

    const noise = seededRandom(1).bytes(1_927);
    const random = encodeBatch([{ timestamp: NOW, value: noise }]);
    const limit = { maxMessageBytes: random.length };
    expect(await verdict(random, limit)).toBe('valid');
    expect(await verdict(random, { ...limit, codec: Codec.none })).toBe('valid');
    expect(await verdict(random, { ...limit, codec: Codec.gzip })).toBe('MESSAGE_TOO_LARGE');
    expect(await verdict(random, { maxMessageBytes: 3_000, codec: Codec.gzip })).toBe('valid');
    const unpacked = encodeBatch([{ timestamp: NOW, value: Buffer.alloc(1_980) }]);
    const gzipped = withPayload(unpacked, gzipSync(unpacked.subarray(BATCH_OVERHEAD_BYTES)), Codec.gzip, NOW);
    expect(await verdict(gzipped, { maxMessageBytes: unpacked.length, codec: Codec.none })).toBe('valid');
    expect(await verdict(gzipped, { maxMessageBytes: unpacked.length - 1, codec: Codec.none })).toBe(
      'MESSAGE_TOO_LARGE',
    );
  });
});

describe('a batch for which no time is left in this turn', () => {
  const count = 200;
  const large = encodeBatch([{ timestamp: NOW, value: Buffer.alloc(MIB - 100) }]);
  const header = readBatchHeader(large);
  const small = (codec: CodecId) =>
    withPayload(large, pack(codec, large.subarray(BATCH_OVERHEAD_BYTES)), codec, header.maxTimestamp);

  it.each(COMPRESSED)('is not unpacked yet (%s)', async (_, codec) => {
    const batch = small(codec);
    const before = process.memoryUsage().arrayBuffers;
    const work = { left: 0 };
    const begun = Array.from({ length: count }, () => validateProduceRecords(readProducedBatch(batch), RULES, work));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * MIB);
    expect(work.left).toBe(0);
    expect(new Set(begun.map(({ kind }) => kind))).toEqual(new Set(['unfinished']));
    const [first] = begun;
    const finished = first?.kind === 'unfinished' ? await first.finish(async () => ({ left: MIB })) : first;
    expect(finished?.kind).toBe('valid');
  });

  it.each(COMPRESSED)('begins anew after it was let go of (%s)', async (_, codec) => {
    const batch = small(codec);
    const begun = validateProduceRecords(readProducedBatch(batch), RULES, { left: 1 });
    if (begun.kind !== 'unfinished') throw new Error(begun.kind);
    begun.release();
    const finished = await begun.finish(async () => ({ left: MIB / 4 }));
    expect(finished?.kind === 'valid' && finished.batch === batch).toBe(true);
  });

  it('is charged for what it takes to find that it cannot be unpacked', () => {
    const batch = small(Codec.gzip);
    // The checksum of the content.
    batch.writeUInt32LE(0, batch.length - 8);
    batch.writeUInt32BE(computeCrc(batch), BatchField.crc);
    const work = { left: 1 };
    expect(validateProduceRecords(readProducedBatch(batch), RULES, work)).toMatchObject({
      kind: 'invalid',
      reason: 'INVALID_RECORD',
    });
    expect(work.left).toBeLessThan(-MIB / 2);
  });
});

it('offset deltas are put right a share of work at a time', async () => {
  const count = 300_000;
  // Attributes, no timestamp delta, the offset delta 0, a key and a value of 0 bytes, no headers.
  const record = Buffer.from([12, 0, 0, 0, 0, 0, 0]);
  const payload = compress(Codec.gzip, Buffer.alloc(count * record.length, record));
  const batch = withPayload(encodeBatch([{ timestamp: NOW }]), payload, Codec.gzip, NOW);
  batch.writeInt32BE(count - 1, BatchField.lastOffsetDelta);
  batch.writeInt32BE(count, BatchField.recordCount);
  batch.writeUInt32BE(computeCrc(batch), BatchField.crc);
  const rules = { ...RULES, codec: Codec.lz4, maxMessageBytes: 10 * MIB };
  const begun = validateProduceRecords(readProducedBatch(batch), rules, { left: 0 });
  if (begun.kind !== 'unfinished') throw new Error(begun.kind);
  let shares = 0;
  const finished = await begun.finish(async () => {
    shares++;
    return { left: MIB / 4 };
  });
  if (finished?.kind !== 'valid') throw new Error(finished?.kind);
  expect(shares).toBeGreaterThan(100);
  const offsets = readRecords(finished.batch).map(({ offset }) => offset);
  expect(offsets.length).toBe(count);
  expect(offsets.every((offset, index) => offset === index)).toBe(true);
});
