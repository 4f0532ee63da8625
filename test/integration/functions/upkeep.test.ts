import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { LAMBDA_CONTEXT, startFunctions } from '../../support/functions.ts';
import { batchOf, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';
import { payload2, receivedOf } from '../../support/rest-events.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const T0 = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const EVENT = { tidelog: 'maintain' };
/** Instances and keys are spread over four partition keys each. */
const REST_QUERIES = 8;

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let engine: Engine;
let topic: TopicName;
let producers = 0;

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = memoryStores({ clock, random: systemRandom });
  engine = await startEngine({ stores, clock });
  topic = await createTopic(engine.client, 'kept');
});

/** Has a checkpoint written that is too large for its item: every producer is part of it. */
async function writeCheckpoint(): Promise<void> {
  await clock.advance(1_001);
  for (let entry = 0; entry < 256; entry++) {
    const batch = batchOf(['x'], {
      timestamp: clock.now(),
      producerId: producers++,
      producerEpoch: 0,
      baseSequence: 0,
    });
    await produce(engine.client, topic, batch);
  }
  await engine.broker.admin.journals.settle();
}

const objects = () => [...stores.contents().blobs.keys()].filter((key) => key.startsWith('checkpoint/')).sort();

async function commitTo(groupId: string): Promise<void> {
  const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }];
  const { topics } = await engine.client.ask(ApiKey.OffsetCommit, 8, {
    groupId,
    topics: [{ name: 'kept', partitions }],
  });
  expect(topics[0]!.partitions[0]!.errorCode).toBe(0);
}

/** Puts a body of a format that no program knows yet in the place of an item's. */
async function makeUnreadable(pk: string, sk: string): Promise<void> {
  const item = stores.contents().state.find((one) => one.pk === pk && one.sk === sk)!;
  const body = Buffer.concat([Buffer.of(9), item.body.subarray(1)]);
  const next = { ...item, body, version: item.version + 1, nonce: 'newer' };
  const put = await stores.state.put(next, { kind: 'version', version: item.version });
  expect(put.kind).toBe('committed');
}

const groupItems = (groupId: string) =>
  stores.contents().state.filter(({ pk, sk }) => pk.endsWith(`/${groupId}`) || (pk === 'groups' && sk === groupId));

/** One call of the function, while time goes on. */
async function maintain(
  event: unknown = EVENT,
  functions = startFunctions({ stores, clock }),
  context = LAMBDA_CONTEXT,
) {
  const answer = await inTime(functions.maintain(event, context));
  return { answer, counts: functions.meters.maintain.counts() };
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let done = false;
  const ended = work.finally(() => {
    done = true;
  });
  while (!done) {
    await clock.runUntil(() => done, 1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ended;
}

describe('upkeep', () => {
  it('with nothing due is eleven queries, a list of the objects, and two puts that keep other processes away', async () => {
    const { answer, counts } = await maintain();
    expect(answer).toEqual({
      upkeep: {
        groups: { looked: 0, removed: 0, expired: 0, dropped: 0, skipped: 0, isComplete: true },
        'transactional-ids': { looked: 0, expired: 0, removed: 0, skipped: 0, isComplete: true },
        checkpoints: { looked: 0, deleted: 0, skipped: 0, isComplete: true },
        rest: { looked: 0, deleted: 0, skipped: 0, isComplete: true },
      },
    });
    expect(counts).toEqual({ 'state.query': 3 + REST_QUERIES, 'state.put': 2, 'blobs.list': 1 });
  });

  it('deletes abandoned consumer instances of REST, and forgotten idempotency keys', async () => {
    const { rest } = startFunctions({ stores, clock });
    const post = async (path: string, body: object, headers: Readonly<Record<string, string>>) => {
      const event = payload2({ method: 'POST', path, headers, body: JSON.stringify(body) });
      expect(receivedOf(await inTime(rest(event, LAMBDA_CONTEXT))).status).toBe(200);
    };
    const v2 = { 'Content-Type': 'application/vnd.kafka.v2+json' };
    const json = { 'Content-Type': 'application/vnd.kafka.json.v2+json', 'Idempotency-Key': 'once' };
    await post('/consumers/g', { name: 'abandoned' }, v2);
    await post('/topics/kept', { records: [{ value: 1 }] }, json);
    const left = () => stores.contents().state.filter(({ pk }) => pk.startsWith('rest/')).length;
    expect(left()).toBe(2);
    expect((await maintain()).answer).toMatchObject({ upkeep: { rest: { looked: 2, deleted: 0 } } });
    await clock.advance(2 * HOUR_MS);
    expect((await maintain()).answer).toMatchObject({ upkeep: { rest: { looked: 2, deleted: 1 } } });
    await clock.advance(12 * HOUR_MS);
    expect((await maintain()).answer).toMatchObject({ upkeep: { rest: { looked: 1, deleted: 1 } } });
    expect(left()).toBe(0);
  });

  it('deletes the objects of replaced checkpoints, and not the one that is named', async () => {
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    // The first is small enough for its item.
    const before = objects();
    expect(before.length).toBeGreaterThanOrEqual(2);
    await clock.advance(2 * HOUR_MS);
    const { answer } = await maintain();
    expect(answer).toMatchObject({ upkeep: { checkpoints: { looked: before.length, deleted: before.length - 1 } } });
    expect(objects()).toEqual([before.at(-1)]);
    const cold = await startEngine({ stores, clock });
    expect(await fetch(cold.client, topic)).toMatchObject({ errorCode: 0, highWatermark: 768 });
  });

  it('leaves objects that were replaced, or put, a while ago only', async () => {
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    const first = objects();
    await clock.advance(HOUR_MS + 10 * 60_000);
    expect((await maintain()).answer).toMatchObject({ upkeep: { checkpoints: { deleted: 0 } } });
    await clock.advance(HOUR_MS);
    await writeCheckpoint();
    // The old ones are old enough, but one of them was named until now.
    expect((await maintain()).answer).toMatchObject({ upkeep: { checkpoints: { deleted: 0 } } });
    expect(objects()).toContain(first.at(-1));
  });

  it('ends in time, and says that it is not done', async () => {
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    const functions = startFunctions({ stores, clock });
    const answer = await functions.maintain(EVENT, { getRemainingTimeInMillis: () => 0 });
    expect(answer).toMatchObject({ upkeep: { checkpoints: { isComplete: false } } });
  });

  it('gets to the last group, however little time each call has', async () => {
    for (let group = 0; group < 30; group++) await commitTo(`group-${String(group).padStart(2, '0')}`);
    await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: ['group-29'] });
    await clock.advance(2 * HOUR_MS);
    const slow = stores.client({ latency: () => ({ beforeMs: 50, afterMs: 50 }) });
    // Half a second for the groups.
    const context = { ...LAMBDA_CONTEXT, getRemainingTimeInMillis: () => 4_000 };
    for (let call = 0; call < 20; call++) await maintain(EVENT, startFunctions({ stores: slow, clock }), context);
    expect(groupItems('group-29')).toEqual([]);
    expect(groupItems('group-28')).not.toEqual([]);
  });

  it('passes over a group and a checkpoint that it cannot read, and logs each once', async () => {
    for (const group of ['a', 'z']) await commitTo(group);
    const { results } = await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: ['z'] });
    expect(results[0]!.errorCode).toBe(0);
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    const second = await createTopic(engine.client, 'second');
    const first = topic;
    topic = second;
    for (let count = 0; count < 3; count++) await writeCheckpoint();
    const unreadable = first.id < second.id ? first : second;
    await makeUnreadable('group/a', 'group');
    await makeUnreadable(`checkpoint/${unreadable.id}/0`, 'checkpoint');
    await clock.advance(2 * HOUR_MS);
    const functions = startFunctions({ stores, clock });
    for (let call = 0; call < 2; call++) await maintain(EVENT, functions);
    expect(groupItems('z')).toEqual([]);
    expect(groupItems('a')).not.toEqual([]);
    const left = objects().map((key) => key.split('/')[1]);
    expect(left.filter((id) => id !== unreadable.id)).toHaveLength(1);
    expect(left.filter((id) => id === unreadable.id).length).toBeGreaterThan(1);
    const skipped = functions.lines.filter(({ event }) => event === 'item_passed_over').map(({ item }) => item);
    expect(skipped).toEqual(['groups/a', `checkpoint/${unreadable.id}/0`]);
  });

  it.each([[{ source: 'aws.scheduler' }], [{ source: 'aws.events', 'detail-type': 'Scheduled Event' }]])(
    'is asked for by %j',
    async (event) => {
      expect((await maintain(event)).answer).toHaveProperty('upkeep');
    },
  );

  it.each([[{}], [null], ['maintain'], [{ tidelog: 'frames' }], [{ httpMethod: 'POST' }]])(
    'is not asked for by %j',
    async (event) => {
      expect((await maintain(event)).answer).toMatchObject({ error: { status: 400 } });
    },
  );
});
