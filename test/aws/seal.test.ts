import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { lastOffset } from '../../lib/records/batch.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import type { BlobStore } from '../../lib/storage/ports.ts';
import { openS3Blobs } from '../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../lib/storage/s3/client.ts';
import { STAND_IN_CONFIG } from '../support/aws-targets.ts';
import { scaled } from '../support/machine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetch,
  listOffset,
  produce,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';
import { InvokeClient, invoke, lambdaClient } from './invoke-client.ts';

const endpoint = inject('endpoint');
const deployed = inject('deployed');
const MIB = 1024 * 1024;
const WITHIN = { timeout: scaled(60_000), interval: 500 };

type Counts = Readonly<Record<string, number | boolean>>;

interface Summary {
  readonly skipped?: string;
  readonly segments: Counts;
  readonly wal: Counts;
}

describe.skipIf(deployed === undefined)('the deployed function seal', () => {
  const { functionPrefix = '', bucket = '' } = deployed ?? {};
  let client: ReturnType<typeof lambdaClient>;
  let direct: InvokeClient;
  let blobs: BlobStore;

  beforeAll(() => {
    client = lambdaClient(deployed!);
    direct = new InvokeClient(client, functionPrefix);
    const s3 = s3Client({ ...STAND_IN_CONFIG, endpoint: endpoint!.url, forcePathStyle: true });
    blobs = openS3Blobs({ client: s3, bucket, prefix: '', clock: systemClock, random: systemRandom });
  });

  afterAll(() => client?.destroy());

  async function seal(event: object = {}): Promise<Summary> {
    const { upkeep } = await invoke(client, `${functionPrefix}-seal`, { tidelog: 'seal', ...event });
    expect(upkeep).toBeDefined();
    return upkeep as Summary;
  }

  const objects = (topic: TopicName) => blobs.list(`segment/${topic.id}/`, undefined, 100);

  async function put(topic: TopicName, values: readonly string[]): Promise<void> {
    for (const value of values) {
      expect(await produce(direct, topic, batchOf([value]))).toMatchObject({ errorCode: 0 });
    }
  }

  async function readAll(topic: TopicName, from = 0): Promise<string[]> {
    const read: string[] = [];
    for (let offset = from; ; ) {
      const fetched = await fetch(direct, topic, { offset });
      expect(fetched.errorCode).toBe(0);
      const last = batchesIn(fetched.records).at(-1)?.header;
      if (last === undefined) return read;
      read.push(...valuesIn(fetched.records).map(String));
      offset = lastOffset(last) + 1;
    }
  }

  /** Calls the function until something is so. */
  async function sealUntil(isSo: () => Promise<boolean>): Promise<void> {
    await expect
      .poll(async () => {
        await seal();
        return isSo();
      }, WITHIN)
      .toBe(true);
  }

  it('writes history into segments, from which the function fetch reads the same', async () => {
    const topic = await createTopic(direct, 'sealed', { configs: { 'segment.ms': '1000' } });
    const values = ['a', 'b', 'c'.repeat(20_000), 'd'];
    await put(topic, values);
    expect(await readAll(topic)).toEqual(values);
    await sealUntil(async () => (await objects(topic)).length > 0);
    expect(await readAll(topic)).toEqual(values);
    await put(topic, ['e']);
    expect(await readAll(topic, 2)).toEqual([...values.slice(2), 'e']);
  });

  it('ends what retention no longer keeps', async () => {
    const topic = await createTopic(direct, 'retained', { configs: { 'retention.ms': '1000' } });
    await put(topic, ['old', 'older']);
    await sealUntil(async () => (await listOffset(direct, topic, -2)).offset === 2);
    await put(topic, ['new']);
    expect(await readAll(topic, 2)).toEqual(['new']);
  });

  it('keeps the newest record of each key of a compacted topic', async () => {
    const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '1000' };
    const topic = await createTopic(direct, 'compacted', { configs });
    for (let round = 0; round < 3; round++) {
      for (const key of ['a', 'b']) {
        const record = { timestamp: Date.now(), key: Buffer.from(key), value: Buffer.from(`${key}${round}`) };
        expect(await produce(direct, topic, encodeBatch([record]))).toMatchObject({ errorCode: 0 });
      }
      const before = (await objects(topic)).length;
      await sealUntil(async () => (await objects(topic)).length > before);
    }
    await sealUntil(async () => (await readAll(topic)).length < 6);
    expect(await readAll(topic)).toEqual(expect.arrayContaining(['a2', 'b2']));
  });

  it('that runs out of time is followed by a call that does the rest', async () => {
    const topics: TopicName[] = [];
    for (const name of ['first', 'second', 'third']) {
      topics.push(await createTopic(direct, `interrupted-${name}`, { configs: { 'segment.ms': '1000' } }));
      await put(topics.at(-1)!, [`in ${name}`]);
    }
    expect(await seal({ withinMs: 0 })).toMatchObject({ segments: { looked: 0, isComplete: false } });
    for (let call = 0; call < 3; call++) await seal({ withinMs: 200 });
    await sealUntil(async () => {
      const found = await Promise.all(topics.map(objects));
      return found.every(({ length }) => length > 0);
    });
    expect(await Promise.all(topics.map((topic) => readAll(topic)))).toEqual([
      ['in first'],
      ['in second'],
      ['in third'],
    ]);
  });

  it('is started by the function produce when a topic has grown by a segment', async () => {
    const topic = await createTopic(direct, 'grown', { configs: { 'segment.bytes': `${8 * MIB}` } });
    const values = Array.from({ length: 18 }, (_, count) => `${count} ${'x'.repeat(MIB / 2 - 200)}`);
    await put(topic, values);
    await expect.poll(async () => (await objects(topic)).length, WITHIN).toBeGreaterThan(0);
    const read = await readAll(topic);
    expect(read.map((value) => value.split(' ')[0])).toEqual(values.map((value) => value.split(' ')[0]));
  });

  it('with nothing due answers so', async () => {
    expect(await seal()).toMatchObject({ segments: { skipped: 0, isComplete: true }, wal: { isComplete: true } });
  });
});
