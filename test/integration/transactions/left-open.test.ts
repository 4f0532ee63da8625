import { beforeEach, describe, expect, it } from 'vitest';
import { afterMicrotasks } from '../../../lib/core/clock.ts';
import { errorCode } from '../../../lib/core/errors.ts';
import { type Engine, emptyStores, startEngine } from '../../support/engine.ts';
import { prepareCommit } from '../../support/prepared-transaction.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { batchOf, createTopic, fetch, produce, type TopicName } from '../../support/requests.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const T0 = 1_700_000_000_000;
const TIMEOUT_MS = 30_000;

let clock: VirtualClock;
let stores: ReturnType<typeof emptyStores>;
let engine: Engine;
let reader: Engine;
let topic: TopicName;
let abandoned: RawTransactor;

const settle = () => new Promise<void>(afterMicrotasks);

beforeEach(async () => {
  clock = new VirtualClock(T0);
  stores = emptyStores(clock);
  engine = await startEngine({ stores, clock });
  reader = await startEngine({ stores, clock });
  topic = await createTopic(engine.client, 'orders');
  abandoned = new RawTransactor(engine.client, 'abandoned', { timeoutMs: TIMEOUT_MS, timestamp: T0 });
  expect(await abandoned.init()).toBe(0);
  expect(await abandoned.send(topic, ['never'])).toMatchObject({ errorCode: 0 });
  await produce(engine.client, topic, batchOf(['plain'], { timestamp: T0 }));
});

/** Polls as a consumer does, twice a second, for so long or until `isDone`; how long it took, ms. */
async function poll(limitMs: number, isDone = (_lastStableOffset: number) => false): Promise<number> {
  for (let ms = 0; ms <= limitMs; ms += 500) {
    const { lastStableOffset } = await fetch(reader.client, topic, { committed: true });
    if (isDone(Number(lastStableOffset))) return ms;
    await clock.advance(500);
    for (let turn = 0; turn < 20; turn++) await settle();
  }
  return Number.POSITIVE_INFINITY;
}

/** How long the plain record cannot be read; ms. */
const heldFor = (limitMs: number) => poll(limitMs, (lastStableOffset) => lastStableOffset > 1);

describe('a transaction that its producer has left open', () => {
  it('is aborted by its readers, at most ten seconds after its time-out', async () => {
    const ms = await heldFor(60_000);
    expect(ms).toBeGreaterThanOrEqual(TIMEOUT_MS);
    expect(ms).toBeLessThanOrEqual(TIMEOUT_MS + 10_000);
    expect((await engine.broker.transactions.read('abandoned'))?.status).toBe('CompleteAbort');
  });

  it('costs its readers one read in ten seconds', async () => {
    const getsWhilePolling = async () => {
      await poll(500);
      reader.meter.reset();
      await poll(25_000);
      return reader.meter.counts()['state.get'] ?? 0;
    };
    const held = await getsWhilePolling();
    expect(await abandoned.abort()).toBe(0);
    // The others see whether the topic has changed.
    expect(held - (await getsWhilePolling())).toBeLessThanOrEqual(3);
  });

  it('is aborted by its producer when the time is over, though nobody reads', async () => {
    await clock.advance(TIMEOUT_MS + 1_000);
    // A warm batch costs no look at the item.
    expect(await abandoned.send(topic, ['late'])).toMatchObject({ errorCode: 0 });
    expect(await abandoned.copy().commit()).toBe(errorCode('INVALID_TXN_STATE'));
    expect(Number((await fetch(engine.client, topic, { committed: true })).lastStableOffset)).toBe(4);
  });

  it('is finished by a reader if the process that ended it died in the middle', async () => {
    const { version, state } = await prepareCommit(stores, clock, abandoned);
    expect([state.status, version > 0]).toEqual(['PrepareCommit', true]);
    expect(await heldFor(30_000)).toBeLessThanOrEqual(10_000);
  });
});
