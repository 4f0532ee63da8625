import { beforeEach, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { type Engine, emptyStores, startEngine } from '../../support/engine.ts';
import { RawTransactor } from '../../support/raw-transactor.ts';
import { readCommitted } from '../../support/read-committed.ts';
import { batchOf, createTopic, deleteTopic, fetch, produce, type TopicName } from '../../support/requests.ts';

let stores: ReturnType<typeof emptyStores>;
let engine: Engine;
let orders: TopicName;
let payments: TopicName;

beforeEach(async () => {
  stores = emptyStores();
  engine = await startEngine({ stores });
  orders = await createTopic(engine.client, 'orders', { partitions: 3, configs: { 'tidelog.journals': '2' } });
  payments = await createTopic(engine.client, 'payments');
});

async function started(id: string, protocol: 1 | 2 = 2, client = engine.client): Promise<RawTransactor> {
  const transactor = new RawTransactor(client, id, { protocol });
  expect(await transactor.init()).toBe(0);
  return transactor;
}

const lastStable = async (topic: TopicName, partition = 0) =>
  Number((await fetch(engine.client, topic, { committed: true, partition })).lastStableOffset);

const both = async () => ({
  orders: await readCommitted(engine.client, orders),
  second: await readCommitted(engine.client, orders, { partition: 1 }),
  payments: await readCommitted(engine.client, payments),
});

describe.each([1, 2] as const)('a transaction of version %i', (protocol) => {
  /** What version 1 has to do before it writes. */
  const joined = async (one: RawTransactor, ...topics: readonly [TopicName, number[]][]) => {
    if (protocol === 2) return;
    for (const [topic, partitions] of topics) expect(await one.add(topic, partitions)).toEqual(partitions.map(() => 0));
  };

  it('is seen as a whole once it is committed, in all journals', async () => {
    const one = await started('t', protocol);
    await joined(one, [orders, [0, 1]], [payments, [0]]);
    expect(await one.send(orders, ['a', 'b'])).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await one.send(orders, ['c'])).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect(await one.send(orders, ['d'], 1)).toMatchObject({ errorCode: 0 });
    expect(await one.send(payments, ['p'])).toMatchObject({ errorCode: 0 });
    expect(await both()).toEqual({ orders: [], second: [], payments: [] });
    expect(await one.commit()).toBe(0);
    expect(await both()).toEqual({ orders: ['a', 'b', 'c'], second: ['d'], payments: ['p'] });
    expect([await lastStable(orders), await lastStable(payments)]).toEqual([4, 2]);
  });

  it('is never seen if it is aborted, and the next one is', async () => {
    const one = await started('t', protocol);
    await joined(one, [orders, [0]], [payments, [0]]);
    await one.send(orders, ['a']);
    await one.send(payments, ['p']);
    expect(await one.abort()).toBe(0);
    await joined(one, [orders, [0]]);
    expect(await one.send(orders, ['b'])).toMatchObject({ errorCode: 0, baseOffset: 2 });
    expect(await one.commit()).toBe(0);
    expect(await both()).toEqual({ orders: ['b'], second: [], payments: [] });
  });

  it('is aborted by the next producer of its id, and its own producer is fenced', async () => {
    const zombie = await started('t', protocol);
    await joined(zombie, [orders, [0]]);
    await zombie.send(orders, ['a']);
    const next = await started('t', protocol);
    expect(next.producerId).toBe(zombie.producerId);
    expect(next.producerEpoch).toBe(zombie.producerEpoch + 2);
    expect(await lastStable(orders)).toBe(2);
    expect(await zombie.send(orders, ['b'])).toMatchObject({ errorCode: errorCode('INVALID_PRODUCER_EPOCH') });
    expect(await zombie.send(payments, ['b'])).toMatchObject({ errorCode: errorCode('INVALID_PRODUCER_EPOCH') });
    expect(await zombie.add(payments)).toEqual([errorCode('PRODUCER_FENCED')]);
    expect(await zombie.commit()).toBe(errorCode('PRODUCER_FENCED'));
    expect(await both()).toEqual({ orders: [], second: [], payments: [] });
    await joined(next, [orders, [0]]);
    await next.send(orders, ['c']);
    expect(await next.commit()).toBe(0);
    expect(await both()).toMatchObject({ orders: ['c'] });
  });

  it('ends the same if its end is sent again', async () => {
    const one = await started('t', protocol);
    await joined(one, [orders, [0]]);
    await one.send(orders, ['a']);
    const again = one.copy();
    expect(await one.commit()).toBe(0);
    expect(await again.commit()).toBe(0);
    expect(again.producerEpoch).toBe(one.producerEpoch);
    expect(await again.copy().abort()).toBe(protocol === 1 ? errorCode('INVALID_TXN_STATE') : 0);
    expect(await both()).toMatchObject({ orders: ['a'] });
  });

  it('is not entered by a batch that comes after its end', async () => {
    const one = await started('t', protocol);
    await joined(one, [orders, [0]]);
    await one.send(orders, ['a']);
    const delayed = one.copy();
    expect(await one.commit()).toBe(0);
    const expected = protocol === 1 ? 'TRANSACTION_ABORTABLE' : 'INVALID_PRODUCER_EPOCH';
    expect(await delayed.send(orders, ['late'])).toMatchObject({ errorCode: errorCode(expected) });
    expect(await delayed.send(payments, ['late'])).toMatchObject({ errorCode: errorCode(expected) });
    expect(await lastStable(orders)).toBe(2);
    expect(await lastStable(payments)).toBe(0);
  });

  it('ends where a topic was deleted meanwhile', async () => {
    const one = await started('t', protocol);
    await joined(one, [orders, [0, 1]], [payments, [0]]);
    await one.send(orders, ['a']);
    await one.send(payments, ['p']);
    await deleteTopic(engine.client, payments.name);
    expect(await one.commit()).toBe(0);
    expect(await readCommitted(engine.client, orders)).toEqual(['a']);
  });

  it('goes on in another process, which ends it', async () => {
    const other = await startEngine({ stores });
    const one = await started('t', protocol);
    await joined(one, [orders, [0]]);
    await one.send(orders, ['a']);
    one.client = other.client;
    expect(await one.send(orders, ['b'])).toMatchObject({ errorCode: 0, baseOffset: 1 });
    expect(await one.commit()).toBe(0);
    one.client = engine.client;
    await joined(one, [orders, [0]]);
    // This process has not seen the marker yet.
    expect(await one.send(orders, ['c'])).toMatchObject({ errorCode: 0, baseOffset: 3 });
    expect(await both()).toMatchObject({ orders: ['a', 'b'] });
    expect(await one.commit()).toBe(0);
    expect(await readCommitted(other.client, orders, { offset: 3 })).toEqual(['c']);
  });

  // In version 1 a process cannot tell its marker from that of an earlier transaction, and writes one.
  const markersMax = protocol === 2 ? 1 : 3;

  it(`is finished by three processes at once, with at most ${markersMax} markers in each partition`, async () => {
    const others = await Promise.all([startEngine({ stores }), startEngine({ stores })]);
    const one = await started('t', protocol);
    await joined(one, [orders, [0, 1, 2]], [payments, [0]]);
    for (const partition of [0, 1, 2]) await one.send(orders, ['a'], partition);
    await one.send(payments, ['p']);
    const ends = [one, ...others.map(({ client }) => one.copy(client))];
    expect(await Promise.all(ends.map((end) => end.commit()))).toEqual([0, 0, 0]);
    expect(new Set(ends.map(({ producerEpoch }) => producerEpoch)).size).toBe(1);
    for (const partition of [0, 1, 2]) {
      const end = Number((await fetch(others[0].client, orders, { partition })).highWatermark);
      expect(end).toBeGreaterThanOrEqual(2);
      expect(end).toBeLessThanOrEqual(1 + markersMax);
      expect(await readCommitted(others[0].client, orders, { partition })).toEqual(['a']);
    }
    expect(await readCommitted(others[1].client, payments)).toEqual(['p']);
  });
});

describe('a transactional batch', () => {
  it('of version 1 that nobody has added is refused', async () => {
    const one = await started('t', 1);
    for (const [version, error] of [
      [9, 'INVALID_TXN_STATE'],
      [10, 'INVALID_TXN_STATE'],
      [11, 'TRANSACTION_ABORTABLE'],
    ] as const) {
      const sent = await one.sendAs(orders, ['a'], { version });
      expect(sent).toMatchObject({ errorCode: errorCode(error) });
    }
    expect(await lastStable(orders)).toBe(0);
  });

  it.each([11, 12])('of an unknown id, or of another producer, is refused in version %i', async (version) => {
    const one = await started('t');
    const stranger = new RawTransactor(engine.client, 'unknown');
    stranger.producerId = one.producerId;
    stranger.producerEpoch = one.producerEpoch;
    const error = errorCode('INVALID_PRODUCER_ID_MAPPING');
    expect(await stranger.sendAs(orders, ['a'], { version })).toMatchObject({ errorCode: error });
    one.producerId += 1;
    expect(await one.sendAs(orders, ['a'], { version })).toMatchObject({ errorCode: error });
  });

  it('without a transactional id is refused', async () => {
    const one = await started('t');
    const { producerId, producerEpoch } = one;
    const records = batchOf(['a'], { producerId, producerEpoch, baseSequence: 0, isTransactional: true });
    const error = errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED');
    expect(await produce(engine.client, orders, records)).toMatchObject({ errorCode: error });
  });
});
