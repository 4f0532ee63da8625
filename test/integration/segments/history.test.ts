import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { UnreadableItems } from '../../../lib/kit/unreadable-items.ts';
import { lastOffset } from '../../../lib/records/batch.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { SegmentWork } from '../../../lib/run/segment-work.ts';
import { composeUpkeep } from '../../../lib/run/upkeep.ts';
import { walJob } from '../../../lib/run/wal-job.ts';
import type { SweptDue } from '../../../lib/segments/sweep.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import type { Upkeep } from '../../../lib/upkeep/upkeep.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetch,
  listOffset,
  produce,
  type TopicName,
  valuesIn,
} from '../../support/requests.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { settledOn } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const T0 = 1_700_000_000_000;

/** All batches go to WAL objects, as in a busy deployment. */
const SETTINGS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'j',
  'tidelog.state.table': 's',
  'tidelog.bucket': 'b',
  'tidelog.inline.max.bytes': '0',
  'tidelog.linger.ms': '0',
};

let clock: VirtualClock;
let stores: MemoryStores;
let engine: Engine;
let upkeep: Upkeep;
let work: SegmentWork;
/** What every partition's reader would have seen, by offset. */
let values: string[];

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = memoryStores({ clock, random: seededRandom(1) });
  engine = await start();
  upkeep = composeUpkeep(engine, walJob);
  work = new SegmentWork(engine.broker.admin, engine.segments);
  values = [];
});

function start(): Promise<Engine> {
  return startEngine({ stores: stores.client(), clock, settings: SETTINGS });
}

/** Lets virtual time pass until something is done. */
const inTime = <T>(work: Promise<T>): Promise<T> => settledOn(clock, work, HOUR_MS);

async function put(topic: TopicName, value: string, key?: string): Promise<void> {
  const records = key === undefined ? batchOf([value], { timestamp: clock.now() }) : keyed(key, value);
  expect(await inTime(produce(engine.client, topic, records))).toMatchObject({ errorCode: 0 });
  values.push(value);
}

const keyed = (key: string, value: string) =>
  encodeBatch([{ timestamp: clock.now(), key: Buffer.from(key), value: Buffer.from(value) }]);

/** A sweep of what is due, and a round of upkeep. */
async function round(): Promise<SweptDue> {
  const deadline = clock.monotonic() + 30 * MINUTE_MS;
  const swept = await inTime(work.sweep(new UnreadableItems({ log: () => {} }), undefined, deadline));
  expect(swept).toMatchObject({ isComplete: true });
  expect(await inTime(upkeep.round({ deadline, everyMs: 0 }))).toMatchObject({ kind: 'ran', isComplete: true });
  return swept;
}

/** Rounds of upkeep, an hour apart. */
async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    await clock.advance(HOUR_MS);
    await round();
  }
}

/** All values from an offset on, as a process without memory reads them. */
async function readAll(topic: TopicName, from = 0): Promise<string[]> {
  const cold = await inTime(start());
  const read: string[] = [];
  for (let offset = from; ; ) {
    const fetched = await inTime(fetch(cold.client, topic, { offset }));
    expect(fetched.errorCode).toBe(0);
    const last = batchesIn(fetched.records).at(-1)?.header;
    if (last === undefined) return read;
    read.push(...valuesIn(fetched.records).map(String));
    offset = lastOffset(last) + 1;
  }
}

const objects = (prefix: string) => [...stores.contents().blobs.keys()].filter((key) => key.startsWith(prefix));
const entries = (topic: TopicName) => stores.contents().journal.filter(({ pk }) => pk.includes(topic.id));
const due = () => stores.contents().state.filter(({ pk }) => pk === 'due');

describe('the history of a topic', () => {
  it('moves into segments, and the entries and WAL objects that held it go', async () => {
    const topic = await createTopic(engine.client, 'kept', { configs: { 'retention.ms': '-1' } });
    for (let day = 0; day < 10; day++) {
      await put(topic, `first of day ${day}`);
      await put(topic, `second of day ${day}`);
      await hours(2);
      await clock.advance(DAY_MS - 2 * HOUR_MS);
    }
    await hours(1);
    const { view } = (await engine.journalOf('kept')).journal;
    expect(view.partitions.get(0)).toMatchObject({ nextOffset: 20, sealedOffset: 20 });
    expect(entries(topic).length).toBeLessThan(40);
    expect(entries(topic)[0]!.sk).not.toBe('0000000000000000');
    expect(objects('wal/').length).toBeLessThan(6);
    expect(objects('segment/').length).toBeGreaterThan(0);
    expect(await readAll(topic)).toEqual(values);
    expect(await readAll(topic, 7)).toEqual(values.slice(7));
  });

  it('costs nothing while nothing is due', async () => {
    const topic = await createTopic(engine.client, 'idle', { configs: { 'retention.ms': '-1' } });
    await put(topic, 'only');
    await hours(6);
    await clock.advance(2 * WEEK_MS);
    await hours(2);
    expect(due()).toEqual([]);
    expect(await round()).toMatchObject({ counts: { looked: 0 } });
  });

  it('ends by retention, with everything that held it', async () => {
    const topic = await createTopic(engine.client, 'short', { configs: { 'retention.ms': `${DAY_MS}` } });
    for (let day = 0; day < 4; day++) {
      await put(topic, `day ${day}`);
      await hours(2);
      await clock.advance(DAY_MS - 2 * HOUR_MS);
    }
    await hours(2);
    expect(await inTime(listOffset(engine.client, topic, -2))).toMatchObject({ offset: 4 });
    expect(await inTime(fetch(engine.client, topic, { offset: 0 }))).toMatchObject({
      errorCode: errorCode('OFFSET_OUT_OF_RANGE'),
    });
    await clock.advance(DAY_MS);
    await hours(6);
    // The newest sealed span is still read from its entries.
    expect(objects('segment/').length).toBeLessThanOrEqual(1);
    expect(stores.contents().state.filter(({ pk }) => pk.startsWith('segments/')).length).toBeLessThanOrEqual(1);
    await put(topic, 'next');
    expect(await readAll(topic, 4)).toEqual(['next']);
  });

  it('is deleted with the topic', async () => {
    const topic = await createTopic(engine.client, 'gone');
    for (let count = 0; count < 3; count++) {
      await put(topic, `${count}`);
      await hours(2);
    }
    const topics = { topicNames: ['gone'], timeoutMs: 5_000 };
    const { responses } = await inTime(engine.client.ask(ApiKey.DeleteTopics, 5, topics));
    expect(responses).toMatchObject([{ errorCode: 0 }]);
    expect(entries(topic)).not.toEqual([]);
    await clock.advance(WEEK_MS);
    await hours(12);
    expect(entries(topic)).toEqual([]);
    expect(objects(`segment/${topic.id}/`)).toEqual([]);
    expect(objects('wal/')).toEqual([]);
    const items = stores.contents().state.filter(({ pk }) => pk.includes(topic.id));
    expect(items.map(({ pk }) => pk)).toEqual([]);
    expect(due()).toEqual([]);
  });

  it('of a compacted topic keeps the newest record of each key', async () => {
    const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '1000' };
    const topic = await createTopic(engine.client, 'latest', { configs });
    for (let count = 0; count < 30; count++) {
      await put(topic, `${count % 3}=${count}`, `${count % 3}`);
      if (count % 5 === 4) await hours(1);
    }
    await hours(2);
    const read = await readAll(topic);
    expect(read.length).toBeLessThan(20);
    const newest = new Map(read.map((value) => value.split('=') as [string, string]));
    expect([...newest]).toEqual(
      expect.arrayContaining([
        ['0', '27'],
        ['1', '28'],
        ['2', '29'],
      ]),
    );
  });

  it('below an offset is deleted by DeleteRecords', async () => {
    const topic = await createTopic(engine.client, 'cut', { configs: { 'retention.ms': '-1' } });
    for (let count = 0; count < 6; count++) {
      await put(topic, `${count}`);
      await hours(2);
    }
    const before = objects('segment/').length;
    const partitions = [{ partitionIndex: 0, offset: 4 }];
    const request = { topics: [{ name: 'cut', partitions }], timeoutMs: 5_000 };
    const { topics } = await inTime(engine.client.ask(ApiKey.DeleteRecords, 2, request));
    expect(topics[0]!.partitions[0]).toMatchObject({ errorCode: 0, lowWatermark: 4 });
    await hours(6);
    expect(objects('segment/').length).toBeLessThan(before);
    expect(await readAll(topic, 4)).toEqual(['4', '5']);
  });
});
