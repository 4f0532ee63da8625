import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../../lib/core/random.ts';
import { composeUpkeep } from '../../../lib/run/upkeep.ts';
import type { FaultPlan } from '../../../lib/storage/memory/faults.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { ConsumerMember } from '../../support/consumer-member.ts';
import { type Engine, startEngine } from '../../support/engine.ts';
import { GroupMember } from '../../support/group-member.ts';
import { commitOffsets, deleteOffsets, fetchOffsets, offsetsIn } from '../../support/offset-requests.ts';
import { createTopic, type TopicName } from '../../support/requests.ts';
import { settledOn } from '../../support/settled-on.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const HOUR_MS = 60 * 60 * 1000;
const MINUTE_MS = 60 * 1000;

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let faults: FaultPlan | undefined;
let engine: Engine;
let orders: TopicName;

beforeEach(async () => {
  clock = new VirtualClock();
  faults = undefined;
  stores = memoryStores({ clock, random: systemRandom, faults: (call) => faults?.(call) });
  engine = await startEngine({ stores, clock, settings: { 'group.initial.rebalance.delay.ms': '0' } });
  orders = await settled(createTopic(engine.client, 'orders', { partitions: 1 }));
});

const settled = <T>(promise: Promise<T>) => settledOn(clock, promise, 2 * HOUR_MS);

/** A round of upkeep, however lately there was one. */
async function sweep(from: Engine): Promise<void> {
  const deadline = clock.monotonic() + MINUTE_MS;
  expect(await composeUpkeep(from).round({ deadline, everyMs: 0 })).toMatchObject({ kind: 'ran', isComplete: true });
}

/** Lets hours pass with a round of upkeep after each, as a process does that stays up. */
async function hours(count: number, from = engine): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    await clock.advance(HOUR_MS + MINUTE_MS);
    await settled(sweep(from));
  }
}

async function listed(from = engine): Promise<string[]> {
  const { groups } = await settled(from.client.ask(ApiKey.ListGroups, 5, { statesFilter: [], typesFilter: [] }));
  return groups.map(({ groupId }) => groupId);
}

const itemsOf = (group: string) =>
  stores
    .contents()
    .state.filter(({ pk, sk }) => pk.includes(group) || sk === group)
    .map(({ pk, sk }) => `${pk} ${sk}`);
const commit = (group: string, offset: number, from = engine) =>
  settled(commitOffsets(from.client, group, orders, { 0: offset }));
const offsets = async (group: string, from = engine) =>
  offsetsIn(await settled(fetchOffsets(from.client, group, orders)));

describe('a group without members and offsets', () => {
  it('that a JoinGroup without a member id left behind is dropped, and leaves nothing', async () => {
    await settled(new GroupMember(engine.client, 'bare').joinOnce());
    expect(await listed()).toEqual(['bare']);
    await hours(4);
    expect(await listed()).toEqual([]);
    await hours(2);
    expect(itemsOf('bare')).toEqual([]);
  });

  it('that its members have left is dropped, of either protocol', async () => {
    const classic = new GroupMember(engine.client, 'classic');
    await settled(classic.joinOnce());
    await settled(classic.joinOnce());
    await settled(classic.leave());
    const consumer = new ConsumerMember(engine.client, 'consumer', 'one', ['orders']);
    await settled(consumer.heartbeat());
    await settled(consumer.leave());
    expect(await listed()).toEqual(['classic', 'consumer']);
    await hours(4);
    expect(await listed()).toEqual([]);
  });

  it('that its offsets were deleted of is dropped', async () => {
    expect(await commit('reset', 3)).toEqual([0]);
    await hours(4);
    expect(await offsets('reset')).toEqual([3]);
    await settled(deleteOffsets(engine.client, 'reset', 'orders', [0]));
    await hours(5);
    expect(await listed()).toEqual([]);
  });

  it('is not dropped within an hour after it lost its members', async () => {
    await settled(new GroupMember(engine.client, 'bare').joinOnce());
    await clock.advance(50 * MINUTE_MS);
    for (let round = 0; round < 3; round++) await settled(sweep(engine));
    expect(await listed()).toEqual(['bare']);
  });
});

describe('a group that somebody needs', () => {
  it('stays with its offsets', async () => {
    expect(await commit('kept', 7)).toEqual([0]);
    await hours(6);
    expect(await offsets('kept')).toEqual([7]);
    expect(await listed()).toEqual(['kept']);
  });

  it('stays while it has members', async () => {
    const member = new ConsumerMember(engine.client, 'stable', 'one', ['orders']);
    await settled(member.heartbeat());
    for (let hour = 0; hour < 4; hour++) {
      for (let beat = 0; beat < 120; beat++) {
        await clock.advance(30_000);
        expect((await settled(member.heartbeat())).errorCode).toBe(0);
      }
      await settled(sweep(engine));
    }
    expect(await listed()).toEqual(['stable']);
  });

  it('keeps the offset of a commit at any moment between two rounds of upkeep', async () => {
    for (let after = 0; after < 5; after++) {
      const group = `used-after-${after}`;
      await settled(new GroupMember(engine.client, group).joinOnce());
      await hours(after);
      expect(await commit(group, after)).toEqual([0]);
      await hours(5);
      expect(await offsets(group)).toEqual([after]);
      expect(await listed()).toContain(group);
    }
  });

  it('keeps it where another process committed it', async () => {
    const other = await startEngine({ stores, clock });
    await settled(new GroupMember(engine.client, 'elsewhere').joinOnce());
    expect(await listed(other)).toEqual(['elsewhere']);
    await hours(2);
    expect(await commit('elsewhere', 1, other)).toEqual([0]);
    await hours(4);
    expect(await offsets('elsewhere', other)).toEqual([1]);
  });

  it('keeps the offset of a commit that was decided before the group was marked and lands after it', async () => {
    const other = await startEngine({ stores, clock });
    await settled(new GroupMember(engine.client, 'slow').joinOnce());
    await clock.advance(HOUR_MS + MINUTE_MS);
    faults = ({ operation, key }) =>
      operation === 'put' && key.startsWith('offsets') ? { delayBeforeMs: 20_000 } : undefined;
    const committing = commitOffsets(other.client, 'slow', orders, { 0: 9 });
    await clock.advance(1_000);
    faults = undefined;
    await settled(sweep(engine));
    expect(await settled(committing)).toEqual([0]);
    await hours(5);
    expect(await offsets('slow')).toEqual([9]);
  });

  it('keeps the offset of a commit that overlaps with its deletion, whatever is slow', async () => {
    for (const [index, slow] of ['offsets', 'group'].entries()) {
      const group = `overlap-${slow}`;
      const other = await startEngine({ stores, clock });
      await settled(new GroupMember(engine.client, group).joinOnce());
      // The first round marks it, the next one would delete it.
      await hours(1);
      await clock.advance(HOUR_MS + MINUTE_MS);
      faults = ({ operation, key }) =>
        operation === 'put' && key.startsWith(slow) && key.includes(group) ? { delayBeforeMs: 20_000 } : undefined;
      const committing = commitOffsets(other.client, group, orders, { 0: index });
      await clock.advance(1_000);
      faults = undefined;
      const rounds = sweep(engine);
      const answer = await settled(committing);
      await settled(rounds);
      expect(answer).toEqual([0]);
      expect(await offsets(group)).toEqual([index]);
      await hours(4);
      expect(await offsets(group)).toEqual([index]);
    }
  });
});
