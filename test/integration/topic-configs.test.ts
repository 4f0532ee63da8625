import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { BatchField, compressionCodec, computeCrc, readBatchHeader, timestampType } from '../../lib/records/batch.ts';
import { Codec, type CodecId, canCompress, codecName } from '../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { readRecords } from '../support/read-records.ts';
import { batchesIn, batchOf, createTopic, fetch, listOffset, produce, valuesIn } from '../support/requests.ts';

const DAY_MS = 24 * 3_600_000;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

const withConfigs = (name: string, configs: Record<string, string>) => createTopic(engine.client, name, { configs });

describe('message.timestamp.type=LogAppendTime', () => {
  it.each([Codec.none, Codec.gzip])('stamps batches with the time of the append (codec %i)', async (codec) => {
    const topic = await withConfigs(`appended-${codec}`, { 'message.timestamp.type': 'LogAppendTime' });
    const before = Date.now();
    // Neither old nor future timestamps matter here.
    const batch = batchOf(['a', 'b'], { timestamp: before + 30 * DAY_MS, codec });
    const produced = await produce(engine.client, topic, batch);
    expect(produced.errorCode).toBe(0);
    expect(produced.logAppendTimeMs).toBeGreaterThanOrEqual(before);
    expect(produced.logAppendTimeMs).toBeLessThanOrEqual(Date.now());
    const { records } = await fetch(engine.client, topic);
    const [stored] = batchesIn(records);
    expect(timestampType(stored!.header.attributes)).toBe('LogAppendTime');
    expect(stored!.header.maxTimestamp).toBe(produced.logAppendTimeMs);
    expect(readRecords(stored!.bytes).map(({ timestamp }) => timestamp)).toEqual(
      [0, 1].map(() => produced.logAppendTimeMs),
    );
    expect(await listOffset(engine.client, topic, produced.logAppendTimeMs)).toMatchObject({ offset: 0 });
    expect(await listOffset(engine.client, topic, produced.logAppendTimeMs + 1)).toMatchObject({ offset: -1 });
  });

  it('answers a repetition with the time of the first append', async () => {
    const topic = await withConfigs('appended-twice', { 'message.timestamp.type': 'LogAppendTime' });
    const batch = batchOf(['a'], { producerId: 1, producerEpoch: 0, baseSequence: 0 });
    const first = await produce(engine.client, topic, batch);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await produce(engine.client, topic, batch)).toEqual(first);
  });
});

describe('message.timestamp.before.max.ms and after.max.ms', () => {
  it('bound the timestamps, also inside of compressed batches', async () => {
    const topic = await withConfigs('bounded', {
      'message.timestamp.before.max.ms': String(DAY_MS),
      'message.timestamp.after.max.ms': String(60_000),
    });
    const now = Date.now();
    const send = (offsets: number[], codec: CodecId) =>
      produce(
        engine.client,
        topic,
        encodeBatch(
          offsets.map((offset) => ({ timestamp: now + offset, value: Buffer.from('x') })),
          { codec },
        ),
      );
    for (const codec of [Codec.none, Codec.snappy]) {
      expect((await send([0, -DAY_MS + 60_000, 30_000], codec)).errorCode).toBe(0);
      for (const wrong of [-DAY_MS - 60_000, 120_000]) {
        const refused = await send([0, wrong, 0], codec);
        expect(refused.errorCode).toBe(errorCode('INVALID_TIMESTAMP'));
        expect(refused.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1]);
      }
    }
  });
});

describe('cleanup.policy with compact', () => {
  it.each(['compact', 'compact,delete', 'delete, compact'])('%s refuses records without a key', async (policy) => {
    const topic = await withConfigs(`compacted-${policy.replace(/\W+/g, '-')}`, { 'cleanup.policy': policy });
    const keyless = [
      { timestamp: 1, key: Buffer.from('k'), value: null },
      { timestamp: 1, value: Buffer.from('v') },
    ];
    for (const codec of [Codec.none, Codec.lz4]) {
      const refused = await produce(engine.client, topic, encodeBatch(keyless, { codec }));
      expect(refused.errorCode).toBe(errorCode('INVALID_RECORD'));
      expect(refused.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1]);
      const empty = encodeBatch([{ timestamp: 1, key: Buffer.alloc(0), value: null }], { codec });
      expect((await produce(engine.client, topic, empty)).errorCode).toBe(0);
    }
  });

  it('of delete alone takes them', async () => {
    const topic = await withConfigs('deleted-only', { 'cleanup.policy': 'delete' });
    const keyless = encodeBatch([{ timestamp: 1, value: Buffer.from('v') }]);
    expect((await produce(engine.client, topic, keyless)).errorCode).toBe(0);
  });
});

describe('compression.type', () => {
  const sources = [Codec.none, Codec.gzip, Codec.snappy, Codec.lz4] as const;
  const values = Array.from({ length: 50 }, (_, index) => `value ${index} of many that are alike`);

  it.each(['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'])('%s keeps batches so', async (type) => {
    const topic = await withConfigs(`stored-as-${type}`, { 'compression.type': type });
    const target = type === 'uncompressed' ? Codec.none : type === 'producer' ? undefined : Codec[type as 'gzip'];
    for (const [index, codec] of sources.entries()) {
      const batch = batchOf(values, { codec, producerId: 9, producerEpoch: 1, baseSequence: index * values.length });
      expect(await produce(engine.client, topic, batch)).toMatchObject({ errorCode: 0 });
      const { records } = await fetch(engine.client, topic, { offset: index * values.length });
      const header = readBatchHeader(records!);
      // A codec that this Node cannot write leaves the batch as it came.
      const expected = target === undefined || !canCompress(target) ? codec : target;
      expect(codecName(compressionCodec(header.attributes))).toBe(codecName(expected));
      expect(header).toMatchObject({ producerId: 9, producerEpoch: 1, baseSequence: index * values.length });
      expect(valuesIn(records)).toEqual(values);
    }
  });

  it('refuses what cannot be unpacked', async () => {
    const topic = await withConfigs('unpacked', { 'compression.type': 'gzip' });
    const broken = encodeBatch([{ timestamp: 1, value: Buffer.from('v') }]);
    broken.writeInt16BE(Codec.snappy, BatchField.attributes);
    broken.writeUInt32BE(computeCrc(broken), BatchField.crc);
    const refused = await produce(engine.client, topic, broken);
    expect(refused.errorCode).toBe(errorCode('INVALID_RECORD'));
    expect((await fetch(engine.client, topic)).highWatermark).toBe(0);
  });
});

describe('the defaults of the deployment', () => {
  it('hold for topics that say nothing, and not for those that do', async () => {
    const settings = {
      'message.max.bytes': '1000',
      'compression.type': 'lz4',
      'log.message.timestamp.type': 'LogAppendTime',
      'log.cleanup.policy': 'compact',
    };
    const own = await startEngine({ settings });
    const plain = await createTopic(own.client, 'plain');
    const configs = {
      'max.message.bytes': '100000',
      'compression.type': 'producer',
      'message.timestamp.type': 'CreateTime',
      'cleanup.policy': 'delete',
    };
    const special = await createTopic(own.client, 'special', { configs });
    const large = batchOf(['x'.repeat(2_000)], { timestamp: 5 });
    const keyless = encodeBatch([{ timestamp: 5, value: Buffer.from('v') }]);
    expect((await produce(own.client, plain, large)).errorCode).toBe(errorCode('MESSAGE_TOO_LARGE'));
    expect((await produce(own.client, plain, keyless)).errorCode).toBe(errorCode('INVALID_RECORD'));
    expect((await produce(own.client, plain, batchOf(['v'], { timestamp: 5 }))).logAppendTimeMs).toBeGreaterThan(5);
    const stored = readBatchHeader((await fetch(own.client, plain)).records!);
    expect(compressionCodec(stored.attributes)).toBe(Codec.lz4);
    expect(await produce(own.client, special, large)).toMatchObject({ errorCode: 0, logAppendTimeMs: -1 });
    expect(await produce(own.client, special, keyless)).toMatchObject({ errorCode: 0, logAppendTimeMs: -1 });
  });
});
