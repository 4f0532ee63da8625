import { beforeEach, describe, expect, it } from 'vitest';
import type { TransactionalProducer } from '../../../lib/core/transactional-producer.ts';
import type { FetchOutcome } from '../../../lib/offsets/fetch.ts';
import { offsetsPk } from '../../../lib/storage/items/committed-offsets.ts';
import {
  commitOf,
  context,
  DAY,
  fetchOf,
  GROUP,
  HOUR,
  MINUTE,
  member,
  NOBODY,
  type OffsetsProcess,
  type OffsetsWorld,
  OTHER,
  offsetsWorld,
  stageOf,
  T0,
  type TestGroup,
  TOPIC,
} from './world.ts';

const STABLE: TestGroup = { since: T0, generation: 1, members: ['a'] };
const LEFT: TestGroup = { ...STABLE, generation: 2, members: [], emptySince: T0 };
const A = member('a', 1);

let world: OffsetsWorld;
let one: OffsetsProcess;
let other: OffsetsProcess;
let producer: TransactionalProducer;

beforeEach(async () => {
  world = offsetsWorld();
  one = world.process();
  other = world.process();
  await world.setGroup(STABLE);
  producer = await init('tx');
});

async function init(transactionalId: string, protocol: 1 | 2 = 2): Promise<TransactionalProducer> {
  const request = { transactionalId, timeoutMs: MINUTE, expected: undefined };
  const answer = await world.run(one.coordinator.initProducerId(request, context()));
  if (answer.kind === 'refused') throw new Error(answer.message);
  return { transactionalId, producerId: answer.producerId, producerEpoch: answer.producerEpoch, protocol };
}

async function add(process = one, groupId = GROUP): Promise<void> {
  const answer = await world.run(
    process.coordinator.add({ ...producer, partitions: new Map(), groups: [groupId] }, context()),
  );
  expect(answer.kind).toBe('ok');
}

async function end(commit = true, process = one): Promise<void> {
  const answer = await world.run(process.coordinator.end({ ...producer, commit }, context()));
  if (answer.kind === 'refused') throw new Error(`${answer.error}: ${answer.message}`);
  producer = { ...producer, producerEpoch: answer.producerEpoch };
}

/** The errors of a transactional commit, by partition. */
async function stage(
  offsets: Record<number, number>,
  { process = one, claim = NOBODY, topic = TOPIC, by = producer } = {},
) {
  const request = stageOf(by, offsets, claim, topic);
  const outcome = await world.run(process.offsets.commit(request, context()));
  return request.topics.flatMap(({ wanted }) => wanted.map(({ partition }) => outcome(topic, partition)));
}

async function commit(offsets: Record<number, number>, claim = A, process = one) {
  const outcome = await world.run(process.offsets.commit(commitOf(claim, offsets), context()));
  return Object.keys(offsets).map((partition) => outcome(TOPIC, Number(partition)));
}

async function fetch(partitions: number[], { stable = true, process = one, claim = A } = {}): Promise<string> {
  return shown(await world.run(process.offsets.fetch(fetchOf(claim, partitions, TOPIC, stable), context())));
}

function shown(outcome: FetchOutcome): string {
  if (outcome.kind !== 'fetched') return outcome.kind;
  const offsets = outcome.topics.flatMap((topic) => topic.offsets);
  return offsets.map(({ partition, error, offset }) => `${partition}:${error === 'NONE' ? offset : error}`).join(' ');
}

function pending(): number {
  return [...world.stored().values()].flatMap((block) => block.pending).length;
}

describe('a transaction', () => {
  it.each([1, 2] as const)('of protocol %i commits its offsets in every block and topic, or none', async (protocol) => {
    producer = await init('tx', protocol);
    await commit({ 0: 1, 20: 1 });
    for (const commits of [false, true]) {
      if (protocol === 1) await add();
      expect(await stage({ 0: 5, 20: 6 })).toEqual(['NONE', 'NONE']);
      expect(await stage({ 3: 7 }, { topic: OTHER })).toEqual(['NONE']);
      const unstable = '0:UNSTABLE_OFFSET_COMMIT 1:-1 20:UNSTABLE_OFFSET_COMMIT';
      expect(await fetch([0, 1, 20], { process: other })).toBe(unstable);
      expect(await fetch([0, 20], { stable: false })).toBe('0:1 20:1');
      await end(commits);
      expect(await fetch([0, 20], { process: other })).toBe(commits ? '0:5 20:6' : '0:1 20:1');
      expect(pending()).toBe(0);
    }
    expect(shown(await world.run(one.offsets.fetch(fetchOf(A, [3], OTHER, true), context())))).toBe('3:7');
  });

  it('leaves the offsets of other transactions alone', async () => {
    const second = await init('second');
    await stage({ 0: 5, 1: 5 });
    await stage({ 1: 6, 2: 6 }, { by: second, process: other });
    await end();
    expect(await fetch([0, 1, 2])).toBe('0:5 1:UNSTABLE_OFFSET_COMMIT 2:UNSTABLE_OFFSET_COMMIT');
    expect(await fetch([0, 1, 2], { stable: false })).toBe('0:5 1:5 2:-1');
  });

  it('that times out is aborted by a reader who wants stable offsets', async () => {
    await stage({ 0: 5 });
    await world.clock.advance(MINUTE - 1);
    expect(await fetch([0], { process: other })).toBe('0:UNSTABLE_OFFSET_COMMIT');
    await world.clock.advance(2);
    expect(await fetch([0], { process: other })).toBe('0:-1');
    expect(await stage({ 0: 6 })).toEqual(['PRODUCER_FENCED']);
  });

  it('that is prepared is finished by a reader who wants stable offsets', async () => {
    await stage({ 0: 5 });
    one.faults = (call) => {
      // The process dies once the outcome is decided.
      const isOffsets = call.key.startsWith(offsetsPk(GROUP));
      return isOffsets ? { refuse: 'unavailable' } : undefined;
    };
    await expect(end()).rejects.toThrow();
    expect(await fetch([0], { process: other })).toBe('0:5');
  });
});

describe('a transactional commit', () => {
  it.each([
    ['an unknown transactional id', { transactionalId: 'no-such' }, 'INVALID_PRODUCER_ID_MAPPING'],
    ['another producer id', { producerId: 4_711 }, 'INVALID_PRODUCER_ID_MAPPING'],
    ['an older epoch', { producerEpoch: -1 }, 'PRODUCER_FENCED'],
    ['a newer epoch', { producerEpoch: 1 }, 'PRODUCER_FENCED'],
    ['a group that was not added, in protocol 1', { protocol: 1 as const }, 'TRANSACTION_ABORTABLE'],
  ])('with %s is refused, and creates nothing', async (_, by, error) => {
    await world.setGroup(undefined);
    expect(await stage({ 0: 5 }, { by: { ...producer, ...by } })).toEqual([error]);
    expect(world.stored().size).toBe(0);
  });

  it('of protocol 1 needs its own group in the transaction', async () => {
    producer = await init('tx', 1);
    await add(one, 'another group');
    expect(await stage({ 0: 5 })).toEqual(['TRANSACTION_ABORTABLE']);
    await add();
    expect(await stage({ 0: 5 })).toEqual(['NONE']);
    await end();
    expect(await stage({ 0: 6 })).toEqual(['TRANSACTION_ABORTABLE']);
  });

  it('needs the group to accept its member (KIP-447)', async () => {
    expect(await stage({ 0: 5 }, { claim: member('b', 1) })).toEqual(['UNKNOWN_MEMBER_ID']);
    expect(await stage({ 0: 5 }, { claim: member('a', 0) })).toEqual(['ILLEGAL_GENERATION']);
    expect(await stage({ 0: 5 }, { claim: A })).toEqual(['NONE']);
  });

  it('of a member that was replaced does not land behind the first read of its successor', async () => {
    const claim = A;
    let held = true;
    one.faults = (call) => {
      const isPut = call.operation === 'put' && call.key.startsWith(offsetsPk(GROUP));
      return isPut && held ? { delayBeforeMs: 1_000 } : undefined;
    };
    const request = stageOf(producer, { 0: 5 }, claim);
    const late = one.offsets.commit(request, context());
    await world.clock.advance(500);
    held = false;
    await world.setGroup({ ...STABLE, generation: 2, members: ['b'] });
    expect(await fetch([0], { process: other, claim: member('b', 2) })).toBe('0:-1');
    expect((await world.run(late))(TOPIC, 0)).toBe('UNKNOWN_MEMBER_ID');
    expect(pending()).toBe(0);
  });

  it('whose put lands after the end of its transaction is void', async () => {
    await commit({ 0: 9 }, A, other);
    let held = true;
    one.faults = (call) => {
      const isPut = call.operation === 'put' && call.key.startsWith(offsetsPk(GROUP));
      return isPut && held ? { delayBeforeMs: 1_000 } : undefined;
    };
    const late = one.offsets.commit(stageOf(producer, { 0: 5 }), context());
    await world.clock.advance(500);
    held = false;
    await end(true, other);
    await world.run(late);
    expect(pending()).toBe(1);
    // Neither the next transaction nor the next reader adopts it.
    await stage({ 1: 7 }, { process: other });
    await end(true, other);
    expect(await fetch([0, 1], { process: other })).toBe('0:9 1:7');
    expect(pending()).toBe(0);
  });

  it('that is repeated costs no put', async () => {
    await stage({ 0: 5 });
    one.meter.reset();
    await stage({ 0: 5 });
    // The group, the coordinator's item, and the block to be sure of it.
    expect(one.meter.counts()).toEqual({ 'state.get': 3 });
  });
});

describe('the end of a transaction', () => {
  const stands = { isPrepared: async () => true };
  const over = { isPrepared: async () => false };
  const of = (transaction: number, commit: boolean) => ({
    ...{ groupId: GROUP, transactionalId: 'tx', producerId: producer.producerId, transaction, commit },
  });

  async function transaction(): Promise<number> {
    return (await world.run(one.coordinator.read('tx')))!.transaction;
  }

  it('by a finisher that is late applies nothing', async () => {
    await stage({ 0: 5 });
    const number = await transaction();
    await world.run(other.offsets.endPending({ ...of(number, true), ...over }));
    expect(pending()).toBe(1);
    await world.run(other.offsets.endPending({ ...of(number - 1, true), ...stands }));
    expect(pending()).toBe(1);
    await world.run(other.offsets.endPending({ ...of(number, true), ...stands }));
    expect(await fetch([0])).toBe('0:5');
  });

  it('by several finishers at once applies each offset once', async () => {
    await stage({ 0: 5, 20: 6 });
    const number = await transaction();
    const ends = [one, other, world.process()].map(({ offsets }) =>
      offsets.endPending({ ...of(number, true), ...stands }),
    );
    await world.run(Promise.all(ends));
    expect(await fetch([0, 20])).toBe('0:5 20:6');
    const versions = world.stores
      .contents()
      .state.filter(({ pk }) => pk === offsetsPk(GROUP))
      .map(({ nonce }) => nonce);
    await world.run(other.offsets.endPending({ ...of(number, true), ...stands }));
    expect(
      world.stores
        .contents()
        .state.filter(({ pk }) => pk === offsetsPk(GROUP))
        .map(({ nonce }) => nonce),
    ).toEqual(versions);
  });

  it('reads nothing but the blocks of the group', async () => {
    await commit({ 0: 1, 20: 1 });
    other.meter.reset();
    await world.run(other.offsets.endPending({ ...of(1, true), ...stands }));
    expect(other.meter.counts()).toEqual({ 'state.query': 1 });
  });

  it('survives lost answers and conflicts', async () => {
    await stage({ 0: 5, 20: 6, 40: 7 });
    let count = 0;
    one.faults = (call) => (call.operation === 'put' && count++ % 2 === 0 ? { loseAnswer: true } : undefined);
    const plain = other.offsets.commit(commitOf(A, { 1: 1, 21: 1, 41: 1 }), context());
    await end();
    await world.run(plain);
    expect(await fetch([0, 1, 20, 21, 40, 41])).toBe('0:5 1:1 20:6 21:1 40:7 41:1');
  });
});

describe('pending offsets that were left behind', () => {
  /** An offset of a transaction that has ended. */
  async function leave(): Promise<void> {
    let held = true;
    one.faults = (call) => {
      const isPut = call.operation === 'put' && call.key.startsWith(offsetsPk(GROUP));
      return isPut && held ? { delayBeforeMs: 1_000 } : undefined;
    };
    const late = one.offsets.commit(stageOf(producer, { 0: 5 }), context());
    await world.clock.advance(500);
    held = false;
    await end(true, other);
    await world.run(late);
    expect(pending()).toBe(1);
  }

  beforeEach(() => world.setGroup(LEFT));

  it('do not keep the group', async () => {
    await leave();
    expect(await world.run(other.offsets.keeps(GROUP))).toBe(true);
    expect(pending()).toBe(0);
    await world.clock.advance(HOUR + MINUTE);
    expect(await world.run(other.offsets.keeps(GROUP))).toBe(false);
  });

  it('do not keep an offset from expiring', async () => {
    await commit({ 0: 9 }, NOBODY, other);
    await leave();
    await world.clock.advance(8 * DAY);
    await world.run(world.expire(other, LEFT));
    expect([...world.stored().values()].flatMap(({ committed }) => [...committed.keys()])).toEqual([]);
  });

  it('of an open transaction keep both', async () => {
    await commit({ 0: 9 }, NOBODY);
    await world.clock.advance(8 * DAY);
    await stage({ 0: 10 });
    await world.run(world.expire(other, LEFT));
    expect(await world.run(other.offsets.keeps(GROUP))).toBe(true);
    expect(await fetch([0], { claim: NOBODY, stable: false })).toBe('0:9');
    expect(pending()).toBe(1);
  });

  it('go with the group', async () => {
    await stage({ 0: 5 });
    await world.run(other.offsets.removeGroup(GROUP, T0));
    await world.setGroup({ ...LEFT, since: T0 + 1 });
    await end();
    expect(await fetch([0], { claim: NOBODY })).toBe('0:-1');
  });
});
