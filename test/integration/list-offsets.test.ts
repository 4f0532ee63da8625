import { beforeAll, describe, expect, it } from 'vitest';
import { Codec, type CodecId } from '../../lib/records/compression/codec.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { createTopic, listOffset, produce, type TopicName } from '../support/requests.ts';

const LATEST = -1;
const EARLIEST = -2;
const MAX_TIMESTAMP = -3;
const EARLIEST_LOCAL = -4;
const LATEST_TIERED = -5;
const EARLIEST_PENDING_UPLOAD = -6;

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

/** A topic with one batch for each list of timestamps. */
async function topicWith(name: string, codec: CodecId, batches: number[][]): Promise<TopicName> {
  const topic = await createTopic(engine.client, name);
  for (const timestamps of batches) {
    const records = timestamps.map((timestamp) => ({ timestamp, value: Buffer.from(`at ${timestamp}`) }));
    expect(await produce(engine.client, topic, encodeBatch(records, { codec }))).toMatchObject({ errorCode: 0 });
  }
  return topic;
}

async function find(topic: TopicName, timestamp: number, version = 11): Promise<[number, number]> {
  const found = await listOffset(engine.client, topic, timestamp, { version });
  expect(found.errorCode).toBe(0);
  return [found.offset, found.timestamp];
}

describe('an empty partition', () => {
  it('begins and ends at 0 and has no record', async () => {
    const topic = await topicWith('empty', Codec.none, []);
    for (const special of [LATEST, EARLIEST, EARLIEST_LOCAL]) expect(await find(topic, special)).toEqual([0, -1]);
    for (const none of [MAX_TIMESTAMP, LATEST_TIERED, EARLIEST_PENDING_UPLOAD, 0, 5]) {
      expect(await find(topic, none)).toEqual([-1, -1]);
    }
  });
});

describe.each([
  ['none', Codec.none],
  ['gzip', Codec.gzip],
  ['snappy', Codec.snappy],
  ['lz4', Codec.lz4],
] as const)('inside batches compressed with %s', (name, codec) => {
  let topic: TopicName;
  beforeAll(async () => {
    // Not in order of time, neither within a batch nor among them.
    topic = await topicWith(`times-${name}`, codec, [[100, 110, 105], [50, 300, 120], [200, 300, 310, 310], [10]]);
  });

  it.each([
    ['the first of all', 0, [0, 100]],
    ['an exact time', 110, [1, 110]],
    ['a time between', 106, [1, 110]],
    ['the second batch, past a smaller one', 111, [4, 300]],
    ['the first of several batches that have it', 300, [4, 300]],
    ['within the third batch', 301, [8, 310]],
    ['the largest', 310, [8, 310]],
    ['none that is newer', 311, [-1, -1]],
  ])('finds %s', async (_, timestamp, expected) => {
    expect(await find(topic, timestamp)).toEqual(expected);
  });

  it('finds the ends and the first record of the largest time', async () => {
    expect(await find(topic, EARLIEST)).toEqual([0, -1]);
    expect(await find(topic, LATEST)).toEqual([11, -1]);
    expect(await find(topic, MAX_TIMESTAMP)).toEqual([8, 310]);
    expect(await find(topic, EARLIEST_LOCAL)).toEqual([0, -1]);
    expect(await find(topic, LATEST_TIERED)).toEqual([-1, -1]);
  });
});

describe('behind the block index', () => {
  it('finds each time in a log of many entries, in this process and in the next', async () => {
    const count = 600;
    const topic = await topicWith(
      'long',
      Codec.none,
      Array.from({ length: count }, (_, index) => [index * 10, index * 10 + 5]),
    );
    const check = async (client: Engine['client']) => {
      for (const index of [0, 1, 255, 256, 257, 511, 599]) {
        const { offset, timestamp } = await listOffset(client, topic, index * 10 + 1);
        expect([offset, timestamp]).toEqual([index * 2 + 1, index * 10 + 5]);
      }
      expect(await listOffset(client, topic, count * 10)).toMatchObject({ offset: -1 });
      expect(await listOffset(client, topic, MAX_TIMESTAMP)).toMatchObject({ offset: count * 2 - 1 });
    };
    await check(engine.client);
    await engine.close();
    const next = await startEngine({ stores: engine.broker.admin.journals.env.stores });
    await check(next.client);
  });

  it('passes over what lies before the log start', async () => {
    const topic = await topicWith('cut', Codec.none, [[100, 200], [900, 300], [400]]);
    const { writer } = await engine.journalOf(topic.name);
    await writer.appendEntry(
      (_view, time) => ({ kind: 'logStart', time, starts: [{ partition: 0, offset: 3 }] }),
      Number.POSITIVE_INFINITY,
    );
    expect(await find(topic, 0)).toEqual([3, 300]);
    expect(await find(topic, 350)).toEqual([4, 400]);
    expect(await find(topic, EARLIEST)).toEqual([3, -1]);
  });
});
