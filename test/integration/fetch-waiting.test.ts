import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { countedTimers } from '../support/counted-timers.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { scaled } from '../support/machine.ts';
import {
  batchOf,
  createTopic,
  deleteTopic,
  fetch,
  fetchRequest,
  NOWHERE,
  produce,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';
import { settled } from '../support/settled.ts';

/** Nobody waits that long; an answer before it came for another reason. */
const LONG_WAIT_MS = 20_000;
/** A callback that is due at once takes less, also on a busy machine, and never as long as a fetch that waits. */
const AT_ONCE_MS = Math.min(scaled(1_500), LONG_WAIT_MS / 2 - 1);

/** What a topic that is not there is answered with. */
const UNKNOWN: Readonly<Record<number, ErrorName>> = { 12: 'UNKNOWN_TOPIC_OR_PARTITION', 17: 'UNKNOWN_TOPIC_ID' };

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;
let timers: ReturnType<typeof countedTimers>;
let topic: TopicName;
let abort: AbortController;

beforeEach(async () => {
  stores = emptyStores();
  timers = countedTimers();
  engine = await startEngine({ stores, clock: timers.clock });
  topic = await createTopic(engine.client, 'waited-for', { partitions: 2 });
  abort = new AbortController();
});

afterEach(() => abort.abort());

/** A waiting fetch has set its timer; nothing else in an idle engine has one. */
async function engineWaits(): Promise<void> {
  await expect.poll(timers.live).toBeGreaterThan(0);
}

/** Measures from before the request is sent: the engine waits from when it begins to serve it. */
async function timed<T>(send: () => Promise<T>): Promise<{ answer: T; ms: number }> {
  const start = performance.now();
  const answer = await send();
  return { answer, ms: performance.now() - start };
}

describe('a fetch at the end of the log', () => {
  it('wakes at once on a produce of the same process', async () => {
    for (let round = 0; round < 5; round++) {
      const waiting = fetch(engine.client, topic, { offset: round, maxWaitMs: LONG_WAIT_MS });
      await engineWaits();
      const { ms, answer } = await timed(() =>
        produce(engine.client, topic, batchOf([`round ${round}`])).then(() => waiting),
      );
      expect(valuesIn(answer.records)).toEqual([`round ${round}`]);
      expect(ms).toBeLessThan(AT_ONCE_MS);
    }
  });

  it('wakes on a produce of another process within the tail poll', async () => {
    const other = await startEngine({ stores: stores.client() });
    await produce(engine.client, topic, batchOf(['first']));
    const waiting = fetch(engine.client, topic, { offset: 1, maxWaitMs: LONG_WAIT_MS });
    await engineWaits();
    const sentAt = performance.now();
    await produce(other.client, topic, batchOf(['from elsewhere']));
    expect(valuesIn((await waiting).records)).toEqual(['from elsewhere']);
    // The poll comes after a twentieth of the silence, 10 ms at least.
    expect(performance.now() - sentAt).toBeLessThan(AT_ONCE_MS);
  });

  it('answers empty when the time is over, not before', async () => {
    const { answer, ms } = await timed(() => fetch(engine.client, topic, { maxWaitMs: 150 }));
    expect(answer).toMatchObject({ errorCode: 0, highWatermark: 0 });
    expect(valuesIn(answer.records)).toEqual([]);
    expect(ms).toBeGreaterThanOrEqual(149);
  });

  it('does not wait where minBytes is 0 or maxWaitMs is', async () => {
    for (const options of [{ minBytes: 0, maxWaitMs: LONG_WAIT_MS }, { maxWaitMs: 0 }, { maxWaitMs: -5 }]) {
      expect((await timed(() => fetch(engine.client, topic, options))).ms).toBeLessThan(AT_ONCE_MS);
    }
  });

  it('waits for minBytes over all of its partitions', async () => {
    const batch = batchOf(['x'.repeat(100)]);
    const request = fetchRequest(topic, { maxWaitMs: LONG_WAIT_MS, minBytes: batch.length * 3 }, [0, 0]);
    let done = false;
    const waiting = engine.client.ask(ApiKey.Fetch, 12, request).then((answer) => {
      done = true;
      return answer;
    });
    await produce(engine.client, topic, batch);
    await produce(engine.client, topic, batch, { partition: 1 });
    await engineWaits();
    await settled();
    expect(done).toBe(false);
    await produce(engine.client, topic, batch, { partition: 1 });
    const { responses } = await waiting;
    expect(responses[0]!.partitions.map(({ highWatermark }) => highWatermark)).toEqual([1, 2]);
  });

  describe.each([12, 17])('in version %i', (version) => {
    const at = (partition: number, options: { fetchOffset?: number; currentLeaderEpoch?: number } = {}) => ({
      fetchOffset: 0,
      partitionMaxBytes: 1024,
      ...options,
      partition,
    });
    const of = ({ name, id }: TopicName, ...partitions: ReturnType<typeof at>[]) => ({
      ...(version >= 13 ? { topicId: id } : { topic: name }),
      partitions,
    });
    const ask = (topics: ReturnType<typeof of>[], maxWaitMs: number) =>
      timed(() =>
        engine.client.ask(ApiKey.Fetch, version, {
          ...fetchRequest(topic, { version, maxWaitMs }),
          topics: [of(topic, at(0)), ...topics],
        }),
      );

    it.each([
      ['a partition that is not there', () => of(topic, at(9))],
      ['a negative partition', () => of(topic, at(-1))],
      ['a topic that is not there', () => of(NOWHERE, at(0))],
      ['a topic without a name or id', () => of({ name: '', id: ZERO_UUID }, at(0))],
    ])('is not cut short by %s', async (_, unknown) => {
      const { answer, ms } = await ask([unknown()], 150);
      expect(ms).toBeGreaterThanOrEqual(149);
      const codes = answer.responses.flatMap(({ partitions }) => partitions.map((one) => one.errorCode));
      expect(codes).toEqual([0, expect.any(Number)]);
      expect(codes[1]).not.toBe(0);
    });

    it('is not cut short by a topic that was deleted', async () => {
      const own = await createTopic(engine.client, `deleted-before-${version}`);
      await fetch(engine.client, own);
      await deleteTopic(engine.client, own.name);
      const { answer, ms } = await ask([of(own, at(0))], 150);
      expect(ms).toBeGreaterThanOrEqual(149);
      expect(answer.responses[1]!.partitions[0]!.errorCode).toBe(errorCode(UNKNOWN[version]!));
    });

    it('still wakes on a produce with an unknown topic beside', async () => {
      const waiting = ask([of(NOWHERE, at(0))], LONG_WAIT_MS);
      await engineWaits();
      const sentAt = performance.now();
      await produce(engine.client, topic, batchOf(['x']));
      const { answer } = await waiting;
      expect(valuesIn(answer.responses[0]!.partitions[0]!.records)).toEqual(['x']);
      expect(performance.now() - sentAt).toBeLessThan(AT_ONCE_MS);
    });

    it.each([
      ['OFFSET_OUT_OF_RANGE', () => at(1, { fetchOffset: 99 })],
      ['OFFSET_OUT_OF_RANGE', () => at(1, { fetchOffset: -1 })],
      ['UNKNOWN_LEADER_EPOCH', () => at(1, { currentLeaderEpoch: 99 })],
    ] as const)('is cut short by %s', async (error, partition) => {
      const { answer, ms } = await ask([of(topic, partition())], LONG_WAIT_MS);
      expect(ms).toBeLessThan(AT_ONCE_MS);
      const codes = answer.responses.flatMap(({ partitions }) => partitions.map((one) => one.errorCode));
      expect(codes).toEqual([0, errorCode(error)]);
    });
  });

  it('gives what there is when minBytes do not come in time', async () => {
    await produce(engine.client, topic, batchOf(['x']));
    const { answer, ms } = await timed(() => fetch(engine.client, topic, { maxWaitMs: 120, minBytes: 1_000_000 }));
    expect(valuesIn(answer.records)).toEqual(['x']);
    expect(ms).toBeGreaterThanOrEqual(119);
  });

  it.each([
    ['maxBytes', { minBytes: 3, maxBytes: 2 }],
    ['whole batches within maxBytes', { minBytes: 3, maxBytes: 2.9 }],
    ['whole batches within the bound of a partition', { minBytes: 2.5, partitionMaxBytes: 2.9 }],
  ])('does not wait for more than %s', async (_, inBatches) => {
    const batch = batchOf(['x'.repeat(100)]);
    for (let count = 0; count < 4; count++) await produce(engine.client, topic, batch);
    const limits = Object.entries(inBatches).map(([name, share]) => [name, Math.floor(share * batch.length)]);
    const options = { maxWaitMs: LONG_WAIT_MS, ...Object.fromEntries(limits) };
    const { answer, ms } = await timed(() => fetch(engine.client, topic, options));
    expect(valuesIn(answer.records)).toHaveLength(2);
    expect(ms).toBeLessThan(AT_ONCE_MS);
  });

  it('ends when the connection does', async () => {
    const client = engine.clientUntil(abort.signal);
    const waiting = fetch(client, topic, { maxWaitMs: LONG_WAIT_MS });
    await engineWaits();
    const abortedAt = performance.now();
    abort.abort();
    await waiting;
    expect(performance.now() - abortedAt).toBeLessThan(AT_ONCE_MS);
  });

  it('ends with an error when the topic is deleted, here or elsewhere', async () => {
    const other = await startEngine({ stores: stores.client() });
    for (const deleter of [engine, other]) {
      const own = await createTopic(engine.client, `deleted-by-${deleter === engine ? 'us' : 'them'}`);
      const waiting = fetch(engine.client, own, { maxWaitMs: LONG_WAIT_MS });
      await engineWaits();
      const deletedAt = performance.now();
      await deleteTopic(deleter.client, own.name);
      expect((await waiting).errorCode).toBe(3);
      expect(performance.now() - deletedAt).toBeLessThan(2 * AT_ONCE_MS);
    }
  });

  it('leaves no timer behind', async () => {
    const { clock, live } = countedTimers();
    const counted = await startEngine({ stores, clock });
    await Promise.all([0, 1, 2].map(() => fetch(counted.client, topic, { maxWaitMs: 60 })));
    const waiting = fetch(counted.client, topic, { maxWaitMs: LONG_WAIT_MS });
    await expect.poll(live).toBeGreaterThan(0);
    await produce(counted.client, topic, batchOf(['x']));
    await waiting;
    await expect.poll(live).toBe(0);
  });
});
