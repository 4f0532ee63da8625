import { beforeEach, describe, expect, it } from 'vitest';
import { afterMicrotasks } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  produce,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** As deployed to AWS, so that tiers and lingering are the real ones. */
const AWS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'journal',
  'tidelog.state.table': 'state',
  'tidelog.bucket': 'bucket',
  'tidelog.linger.ms': '100',
};
const LINGER_MS = 100;

/** Records are of the virtual clock's time. */
const T0 = 1_700_000_000_000;
const small = (value: string) => batchOf([value], { timestamp: T0 });

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let engine: Engine;
let topic: TopicName;

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = memoryStores({ clock, random: systemRandom });
  engine = await start();
  topic = await createTopic(engine.client, 'counted', { partitions: 4 });
  await produce(engine.client, topic, small('warm'));
  engine.meter.reset();
});

/** A process over the same stores, as cold as they come. */
function start(settings: Record<string, string> = {}): Promise<Engine> {
  return startEngine({ stores, clock, settings: { ...AWS, ...settings } });
}

/** Names topics by name in one version and by id in the other. */
const NAMED = [
  ['name', 12],
  ['id', 13],
] as const;

describe.each(NAMED)('by %s', (_, version) => {
  it('a warm produce is one conditional put and nothing else', async () => {
    if (version >= 13) await produce(engine.client, topic, small('the id is known'), { version });
    engine.meter.reset();
    for (let count = 1; count <= 5; count++) {
      expect(await produce(engine.client, topic, small('x'), { version })).toMatchObject({ errorCode: 0 });
      expect(engine.meter.counts()).toEqual({ 'journal.put': count });
    }
    expect(engine.meter.totals('journal.put').outcomes).toEqual({ committed: 5 });
  });

  it('a warm fetch of what this process wrote reads nothing', async () => {
    expect(valuesIn((await fetch(engine.client, topic, { version })).records)).toEqual(['warm']);
    expect(engine.meter.counts()).toEqual({});
  });

  it('a warm fetch of what another process wrote is one query', async () => {
    const other = await start();
    await fetch(other.client, topic, { version });
    // What the item under the id says is checked against the one under the name, once.
    await fetch(other.client, topic, { version });
    await produce(engine.client, topic, small('news'));
    other.meter.reset();
    expect(valuesIn((await fetch(other.client, topic, { version, offset: 1 })).records)).toEqual(['news']);
    expect(other.meter.counts()).toEqual({ 'journal.query': 1 });
  });

  it('a cold start adds three reads to the first produce', async () => {
    const cold = await start();
    expect(cold.meter.counts()).toEqual({});
    expect(await produce(cold.client, topic, small('x'), { version })).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(cold.meter.counts()).toEqual({ 'state.get': 2, 'journal.query': 1, 'journal.put': 1 });
  });

  it('a cold start adds three reads to the first fetch, and the data come with them', async () => {
    const cold = await start();
    expect(valuesIn((await fetch(cold.client, topic, { version })).records)).toEqual(['warm']);
    expect(cold.meter.counts()).toEqual({ 'state.get': 2, 'journal.query': 1 });
  });
});

describe('a produce', () => {
  it('of many batches at once is one put for all that came while the first was on its way', async () => {
    const send = (index: number) => produce(engine.client, topic, small(`${index}`), { partition: index % 4 });
    const { put } = stores.journal;
    let arrive = () => {};
    const onItsWay = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    let isFirst = true;
    stores.journal.put = async (...args) => {
      if (isFirst) {
        isFirst = false;
        await onItsWay;
      }
      return put(...args);
    };
    const first = send(0);
    await new Promise<void>(afterMicrotasks);
    expect(isFirst).toBe(false);
    const others = Array.from({ length: 19 }, (_, index) => send(index + 1));
    arrive();
    for (const answer of await Promise.all([first, ...others])) expect(answer.errorCode).toBe(0);
    expect(engine.meter.counts()).toEqual({ 'journal.put': 2 });
  });

  it('to several partitions of a topic is one put', async () => {
    const request = produceRequest(topic, null);
    const partitionData = [0, 1, 2, 3].map((index) => ({ index, records: [small('x')] }));
    const topicData = [{ ...request.topicData[0]!, partitionData }];
    await engine.client.ask(ApiKey.Produce, 9, { ...request, topicData });
    // The first finds the journal idle and goes at once; the others go together.
    expect(engine.meter.totals('journal.put').calls).toBeLessThanOrEqual(2);
    expect(Object.keys(engine.meter.counts())).toEqual(['journal.put']);
  });

  it('above the inline bound is one object and one entry', async () => {
    const waiting = produce(engine.client, topic, batchOf(['x'.repeat(10_000)], { timestamp: T0 }));
    await clock.advance(LINGER_MS);
    expect(await waiting).toMatchObject({ errorCode: 0 });
    expect(engine.meter.counts()).toEqual({ 'blobs.put': 1, 'journal.put': 1 });
    expect(engine.meter.totals('journal.put').bytesIn).toBeLessThan(500);
  });

  it('that is refused for its batch asks the store nothing', async () => {
    expect((await produce(engine.client, topic, Buffer.alloc(90))).errorCode).not.toBe(0);
    expect((await produce(engine.client, topic, batchOf(['x'.repeat(2_000_000)]))).errorCode).toBe(10);
    expect(engine.meter.counts()).toEqual({});
  });

  it('that is a repetition asks the store nothing', async () => {
    const batch = batchOf(['x'], { timestamp: T0, producerId: 1, producerEpoch: 0, baseSequence: 0 });
    await produce(engine.client, topic, batch);
    engine.meter.reset();
    expect(await produce(engine.client, topic, batch)).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(engine.meter.counts()).toEqual({});
  });

  it('that is out of order is refused after one look at the newest state', async () => {
    await produce(
      engine.client,
      topic,
      batchOf(['x'], { timestamp: T0, producerId: 1, producerEpoch: 0, baseSequence: 0 }),
    );
    engine.meter.reset();
    const wrong = batchOf(['x'], { timestamp: T0, producerId: 1, producerEpoch: 0, baseSequence: 9 });
    expect((await produce(engine.client, topic, wrong)).errorCode).toBe(45);
    expect(engine.meter.counts()).toEqual({ 'journal.query': 1 });
  });

  it('that loses the race reads on and puts again', async () => {
    const other = await start();
    await fetch(other.client, topic);
    await produce(engine.client, topic, small('first'));
    other.meter.reset();
    const waiting = produce(other.client, topic, small('second'));
    await clock.advance(50);
    expect(await waiting).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect(other.meter.counts()).toEqual({ 'journal.put': 2, 'journal.query': 1 });
  });

  it('is told of changed configs by one read of the topic in ten seconds', async () => {
    await clock.advance(10_001);
    for (let count = 0; count < 5; count++) await produce(engine.client, topic, small('x'));
    await clock.advance(1);
    expect(engine.meter.counts()).toEqual({ 'journal.put': 5, 'state.get': 1 });
  });
});

describe('waiting at the end of the log', () => {
  /** Consumers that wait, and how many polls of the journal happened meanwhile. */
  async function pollsFor(consumers: number, waitMs: number): Promise<number> {
    const waiting = Array.from({ length: consumers }, (_, index) =>
      fetch(engine.client, topic, { offset: index === 0 ? 1 : 0, partition: index % 4, maxWaitMs: waitMs }),
    );
    await clock.advance(0);
    engine.meter.reset();
    await clock.advance(waitMs);
    await Promise.all(waiting);
    const { 'journal.query': polls = 0, ...others } = engine.meter.counts();
    expect(others).toEqual({});
    return polls;
  }

  it('costs one query per poll, however many consumers wait', async () => {
    // An hour of silence: the poll is at its slowest, once a second.
    await clock.advance(3_600_000);
    await fetch(engine.client, topic);
    await clock.advance(1);
    const alone = await pollsFor(4, 10_000);
    expect(alone).toBeGreaterThanOrEqual(9);
    expect(alone).toBeLessThanOrEqual(11);
    const many = await pollsFor(400, 10_000);
    expect(Math.abs(many - alone)).toBeLessThanOrEqual(1);
  });

  it('costs a query in ten seconds in the cost profile', async () => {
    engine = await start({ 'tidelog.profile': 'cost' });
    await fetch(engine.client, topic);
    await clock.advance(3_600_000);
    await fetch(engine.client, topic);
    await clock.advance(1);
    expect(await pollsFor(40, 60_000)).toBeLessThanOrEqual(7);
  });

  it('is followed more closely right after something came', async () => {
    await produce(engine.client, topic, small('just now'));
    const polls = await pollsFor(4, 1_000);
    // 10 ms at first, a twentieth of the silence then: about 20 * ln(1000 / 200) + 20 polls in a second.
    expect(polls).toBeGreaterThan(20);
    expect(polls).toBeLessThan(80);
  });

  it('costs nothing when nobody waits', async () => {
    await fetch(engine.client, topic, { offset: 1 });
    engine.meter.reset();
    await clock.advance(3_600_000);
    expect(engine.meter.counts()).toEqual({});
  });

  it('of several partitions of one journal begins with one query', async () => {
    const request = fetchRequest(topic, { maxWaitMs: 0 }, [1, 0, 0, 0]);
    await engine.client.ask(ApiKey.Fetch, 12, request);
    expect(engine.meter.counts()).toEqual({ 'journal.query': 1 });
  });
});

describe('checkpoints', () => {
  /** Fills blocks of 256 entries, each with a checkpoint of its own. */
  async function fill(blocks: number, value = 'x'): Promise<void> {
    for (let block = 0; block < blocks; block++) {
      for (let entry = 0; entry < 256; entry++) await produce(engine.client, topic, small(value));
      await clock.advance(1_001);
    }
  }

  it('cost one put in 256 entries', async () => {
    await fill(4);
    await clock.advance(1);
    expect(engine.meter.totals('journal.put').calls).toBe(4 * 256);
    expect(engine.meter.totals('state.put')).toMatchObject({ calls: 4, outcomes: { committed: 4 } });
    expect(engine.meter.counts()).not.toHaveProperty('blobs.put');
    expect(engine.meter.counts()).not.toHaveProperty('journal.query');
  });

  it('bound what a cold start reads', async () => {
    await fill(4);
    const cold = await start();
    const { highWatermark } = await fetch(cold.client, topic, { offset: 4 * 256 + 1 });
    expect(highWatermark).toBe(4 * 256 + 1);
    const { 'journal.query': queries } = cold.meter.counts();
    // The entries behind the checkpoint, and the look for news that a fetch at the end makes.
    expect(queries).toBe(2);
    expect(cold.meter.counts()).toMatchObject({ 'state.get': 2 });
    expect(cold.meter.totals('journal.query').items).toBeLessThanOrEqual(256);
  });

  it('lead a cold fetch to data before them with one more query', async () => {
    await fill(4);
    const cold = await start();
    const { records } = await fetch(cold.client, topic, { offset: 700, partitionMaxBytes: 1 });
    expect(valuesIn(records)).toEqual(['x']);
    expect(cold.meter.counts()).toEqual({ 'state.get': 2, 'journal.query': 2 });
    cold.meter.reset();
    await fetch(cold.client, topic, { offset: 701, partitionMaxBytes: 1 });
    expect(cold.meter.counts()).toEqual({});
  });

  it('above 8 KB are an object: one more put, and one more read for a cold start', async () => {
    // Each producer id takes some 30 bytes of the view.
    const wanted = 512;
    for (let producerId = 0; producerId < wanted; producerId++) {
      const sequence = { timestamp: T0, producerId, producerEpoch: 0, baseSequence: 0 };
      await produce(engine.client, topic, batchOf(['x'], sequence));
      if (producerId % 64 === 0) await clock.advance(1_001);
    }
    await clock.advance(1);
    await engine.close();
    const { 'blobs.put': objects = 0, 'state.put': items } = engine.meter.counts();
    expect(objects).toBeGreaterThan(0);
    expect(items).toBe(2);
    const cold = await start();
    expect(await produce(cold.client, topic, small('x'))).toMatchObject({ errorCode: 0, baseOffset: wanted + 1 });
    expect(cold.meter.counts()).toEqual({ 'state.get': 2, 'blobs.get': 1, 'journal.query': 1, 'journal.put': 1 });
  });
});

describe('administration', () => {
  it('creates a topic with one read and three puts', async () => {
    await createTopic(engine.client, 'new');
    expect(engine.meter.counts()).toEqual({ 'state.get': 1, 'state.put': 2, 'journal.put': 1 });
  });

  it('describes known topics without reading', async () => {
    await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name: topic.name }] });
    expect(engine.meter.counts()).toEqual({});
  });

  it('hands out a thousand producer ids for one read and one put', async () => {
    for (let count = 0; count < 1_000; count++) {
      await engine.client.ask(ApiKey.InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 1 });
    }
    expect(engine.meter.counts()).toEqual({ 'state.get': 1, 'state.put': 1 });
  });
});
