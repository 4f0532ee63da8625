import { beforeEach, describe, expect, it } from 'vitest';
import { lastOffset } from '../../../lib/records/batch.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { DueList } from '../../../lib/segments/due-list.ts';
import type { JournalId } from '../../../lib/storage/items/journal-entry.ts';
import type { Fault } from '../../../lib/storage/memory/faults.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { FUNCTION_RIGHTS } from '../../support/function-rights.ts';
import { clientOf, type Functions, LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
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
import { settledInTurns } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
const EVENT = { tidelog: 'seal' };

/** Time-out of the function in the stacks. */
const CONTEXT = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => 15 * MINUTE_MS };

/** All batches go to WAL objects, as those of a busy topic do. */
const ENVIRONMENT = { TIDELOG_INLINE_MAX_BYTES: '0' };

let clock: VirtualClock;
let stores: MemoryStores;
let functions: Functions;
let fault: Fault | undefined;

beforeEach(() => {
  clock = new VirtualClock(1_700_000_000_000);
  stores = memoryStores({ clock, random: seededRandom(1) });
  fault = undefined;
  functions = cold();
});

/** New instances of all functions. */
function cold(shared = stores.client({ faults: () => fault })): Functions {
  return startFunctions({ stores: shared, clock, environment: ENVIRONMENT });
}

const inTime = <T>(work: Promise<T>) => settledInTurns(clock, work);

interface Sealed {
  readonly upkeep: {
    readonly skipped?: string;
    readonly segments: Readonly<Record<string, number | boolean>>;
    readonly wal: Readonly<Record<string, number | boolean>>;
  };
}

/** One call of the function. */
async function seal(event: object = EVENT, by = functions, context = CONTEXT): Promise<Sealed['upkeep']> {
  return ((await inTime(by.seal(event, context))) as unknown as Sealed).upkeep;
}

async function put(topic: TopicName, value: string, key?: string): Promise<void> {
  const timestamp = clock.now();
  const records =
    key === undefined
      ? batchOf([value], { timestamp })
      : encodeBatch([{ timestamp, key: Buffer.from(key), value: Buffer.from(value) }]);
  expect(await inTime(produce(clientOf(functions), topic, records))).toMatchObject({ errorCode: 0 });
}

const create = (name: string, configs: Readonly<Record<string, string>> = {}) =>
  inTime(createTopic(clientOf(functions), name, { configs }));

/** Everything in the partition, as new instances of the function `fetch` read it. */
async function readAll(topic: TopicName, from = 0): Promise<string[]> {
  const client = clientOf(cold());
  const read: string[] = [];
  for (let offset = from; ; ) {
    const fetched = await inTime(fetch(client, topic, { offset }));
    expect(fetched.errorCode).toBe(0);
    const last = batchesIn(fetched.records).at(-1)?.header;
    if (last === undefined) return read;
    read.push(...valuesIn(fetched.records).map(String));
    offset = lastOffset(last) + 1;
  }
}

/** As often as the schedule does it. */
async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    await clock.advance(HOUR_MS);
    await seal();
  }
}

const objects = (prefix: string) => [...stores.contents().blobs.keys()].filter((key) => key.startsWith(prefix));
const entries = (topic: TopicName) => stores.contents().journal.filter(({ pk }) => pk.includes(topic.id));
const due = () => stores.contents().state.filter(({ pk }) => pk === 'due');

/** The kinds of calls that the function has made, over all of its instances. */
function callsOf(...instances: readonly Functions[]): string[] {
  return [...new Set(instances.flatMap(({ meters }) => Object.keys(meters.seal.counts())))].sort();
}

/** Puts a journal on the list as due now. */
async function makeDue({ id }: TopicName): Promise<void> {
  const list = new DueList({ state: stores.state, clock, random: seededRandom(2) });
  await inTime(list.add({ kind: 'journal', name: `${id}/0` as JournalId, at: clock.now() }));
}

describe('with functions only', () => {
  it('history moves into segments, is read the same, and what held it before goes', async () => {
    const topic = await create('kept', { 'retention.ms': '-1' });
    const values: string[] = [];
    for (let day = 0; day < 10; day++) {
      values.push(`day ${day}`);
      await put(topic, values.at(-1)!);
      expect(await readAll(topic)).toEqual(values);
      await hours(2);
      expect(await readAll(topic)).toEqual(values);
      await clock.advance(DAY_MS - 2 * HOUR_MS);
    }
    await hours(1);
    expect(objects('segment/').length).toBeGreaterThan(0);
    expect(entries(topic)[0]!.sk).not.toBe('0000000000000000');
    expect(objects('wal/').length).toBeLessThan(6);
    const readers = cold();
    expect(valuesIn((await inTime(fetch(clientOf(readers), topic, { offset: 0 }))).records)).toContain('day 0');
    expect(readers.meters.fetch.counts()).toHaveProperty(['blobs.getRange']);
  });

  it('retention ends what it no longer keeps', async () => {
    const topic = await create('short', { 'retention.ms': `${DAY_MS}` });
    for (let day = 0; day < 4; day++) {
      await put(topic, `day ${day}`);
      await hours(2);
      await clock.advance(DAY_MS - 2 * HOUR_MS);
    }
    await hours(2);
    expect(await inTime(listOffset(clientOf(functions), topic, -2))).toMatchObject({ offset: 4 });
  });

  it('the newest record of each key stays of a compacted topic', async () => {
    const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '1000' };
    const topic = await create('latest', configs);
    for (let count = 0; count < 30; count++) {
      await put(topic, `${count % 3}=${count}`, `${count % 3}`);
      if (count % 5 === 4) await hours(1);
    }
    await hours(2);
    const read = await readAll(topic);
    expect(read.length).toBeLessThan(20);
    expect(read).toEqual(expect.arrayContaining(['0=27', '1=28', '2=29']));
  });

  it('a deleted topic leaves nothing', async () => {
    const topic = await create('gone');
    for (let count = 0; count < 3; count++) {
      await put(topic, `${count}`);
      await hours(2);
    }
    const request = { topicNames: ['gone'], timeoutMs: 5_000 };
    const { responses } = await inTime(functions.ask(ApiKey.DeleteTopics, 5, request));
    expect(responses).toMatchObject([{ errorCode: 0 }]);
    await clock.advance(WEEK_MS);
    await hours(12);
    expect(entries(topic)).toEqual([]);
    expect(objects(`segment/${topic.id}/`)).toEqual([]);
    expect(objects('wal/')).toEqual([]);
    expect(due()).toEqual([]);
  });
});

describe('the function', () => {
  it('makes the calls that it has a right to, all of them, and no others', async () => {
    const kept = await create('kept');
    const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '1000' };
    const latest = await create('latest', configs);
    for (let count = 0; count < 20; count++) {
      await put(kept, `${count}`);
      await put(latest, `${count}`, 'key');
      await hours(4);
    }
    await clock.advance(2 * WEEK_MS);
    await hours(4);
    // A checkpoint that is too large for its item: every producer is part of it.
    for (let producerId = 0; producerId < 768; producerId++) {
      const by = { producerId, producerEpoch: 0, baseSequence: 0 };
      await inTime(produce(clientOf(functions), kept, batchOf(['x'], { timestamp: clock.now(), ...by })));
    }
    await clock.advance(HOUR_MS);
    const other = cold();
    await seal(EVENT, other);
    expect(callsOf(functions, other)).toEqual([...FUNCTION_RIGHTS.seal].sort());
  });

  it('with nothing due is three queries and two puts, and a list of the objects once an hour', async () => {
    await seal();
    functions.meters.seal.reset();
    expect(await seal()).toMatchObject({ segments: { looked: 0, isComplete: true }, wal: { isComplete: true } });
    expect(functions.meters.seal.counts()).toEqual({ 'state.query': 3, 'state.put': 2 });
    await clock.advance(HOUR_MS);
    functions.meters.seal.reset();
    await seal();
    // The third put is the time of the next pass over the objects.
    expect(functions.meters.seal.counts()).toEqual({ 'state.query': 3, 'state.put': 3, 'blobs.list': 1 });
  });

  it('gets to the last journal, however little time each call has', async () => {
    const topics: TopicName[] = [];
    for (let count = 0; count < 20; count++) {
      topics.push(await create(`topic-${count}`));
      await put(topics[count]!, `in ${count}`);
    }
    await clock.advance(2 * HOUR_MS);
    const slow = stores.client({ latency: () => ({ beforeMs: 50, afterMs: 50 }) });
    const sealed = () =>
      new Set(
        stores
          .contents()
          .state.map(({ pk }) => pk)
          .filter((pk) => pk.startsWith('segments/')),
      );
    const after: number[] = [];
    // Every call is a new instance.
    for (let call = 0; call < 20; call++) {
      await seal({ ...EVENT, withinMs: 6_000 }, cold(slow));
      after.push(sealed().size);
    }
    expect(after[0]).toBeGreaterThan(0);
    expect(after[0]).toBeLessThan(topics.length / 2);
    expect(after.at(-1)).toBe(topics.length);
    for (const [count, topic] of topics.entries()) expect(await readAll(topic)).toEqual([`in ${count}`]);
  });

  it('ends before its time is over', async () => {
    const topic = await create('late');
    await put(topic, 'value');
    await clock.advance(2 * HOUR_MS);
    const context = { ...CONTEXT, getRemainingTimeInMillis: () => 20_000 };
    const startedAt = clock.monotonic();
    expect(await seal(EVENT, functions, context)).toMatchObject({ segments: { isComplete: false } });
    expect(clock.monotonic() - startedAt).toBeLessThan(1_000);
    expect(objects('segment/')).toEqual([]);
    expect(await seal()).toMatchObject({ segments: { sealed: 1, isComplete: true } });
  });

  it('whose instance was killed in the middle is followed by another one some minutes later', async () => {
    const topic = await create('killed');
    await put(topic, 'value');
    await clock.advance(2 * HOUR_MS);
    const dying = stores.client({
      faults: ({ store, operation }) =>
        store === 'blobs' && operation === 'put' ? { delayBeforeMs: HOUR_MS } : undefined,
    });
    void cold(dying).seal(EVENT, CONTEXT);
    await clock.advance(MINUTE_MS);
    expect(await seal()).toEqual({ skipped: 'another process does it' });
    await clock.advance(5 * MINUTE_MS);
    expect(await seal()).toMatchObject({ segments: { sealed: 1, isComplete: true } });
    expect(await readAll(topic)).toEqual(['value']);
  });

  it('does what was put on the list while another instance held the claim', async () => {
    const first = await create('first');
    const second = await create('second', { 'segment.bytes': '1048576' });
    await put(first, 'value');
    await clock.advance(2 * HOUR_MS);
    for (let count = 0; count < 2; count++) await put(second, 'x'.repeat(400_000));
    const slow = stores.client({ latency: () => ({ beforeMs: 100, afterMs: 100 }) });
    const working = cold(slow).seal(EVENT, CONTEXT);
    // It has read the list.
    await clock.advance(1_000);
    await makeDue(second);
    expect(await seal()).toEqual({ skipped: 'another process does it' });
    expect(await inTime(working)).toMatchObject({ upkeep: { segments: { sealed: 2, isComplete: true } } });
  });

  it('does not do the same again and again when something on the list cannot be looked at', async () => {
    const topic = await create('newer');
    await put(topic, 'value');
    await makeDue({ ...topic, id: 'not a journal' });
    await clock.advance(2 * HOUR_MS);
    const startedAt = clock.monotonic();
    expect(await seal()).toMatchObject({ segments: { sealed: 1, skipped: expect.any(Number) } });
    expect(clock.monotonic() - startedAt).toBeLessThan(5_000);
  });

  it('fails if the store does not answer, so that it is called again', async () => {
    const topic = await create('trouble');
    await put(topic, 'value');
    await clock.advance(2 * HOUR_MS);
    fault = { refuse: 'unavailable' };
    await expect(seal()).rejects.toThrow('unavailable');
    fault = undefined;
    expect(await seal()).toMatchObject({ segments: { sealed: 1 } });
  });

  it('logs one line with what it did', async () => {
    await seal();
    const [line, ...others] = functions.lines.filter(({ level }) => level === 'info');
    expect(others).toEqual([]);
    expect(line).toMatchObject({ event: 'segments', durationMs: expect.any(Number) });
    expect(JSON.parse(String(line!.summary))).toMatchObject({ segments: { looked: 0 }, wal: { deleted: 0 } });
  });

  it.each([[{ source: 'aws.scheduler' }], [{ source: 'aws.events' }], [{ ...EVENT, withinMs: 1_000 }]])(
    'is asked for by %j',
    async (event) => {
      expect(await seal(event)).toHaveProperty('segments');
    },
  );

  it.each([[{}], [null], [{ tidelog: 'maintain' }], [{ ...EVENT, withinMs: '1' }], [{ ...EVENT, withinMs: -1 }]])(
    'is not asked for by %j',
    async (event) => {
      expect(await functions.seal(event, CONTEXT)).toMatchObject({ error: { status: 400 } });
    },
  );
});
