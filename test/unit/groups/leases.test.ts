import { beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../lib/core/logger.ts';
import type { Group, Session } from '../../../lib/groups/group.ts';
import { everyone, Leases } from '../../../lib/groups/leases.ts';
import { groupPk } from '../../../lib/storage/items/group-keys.ts';
import { groupLeaseSk } from '../../../lib/storage/items/group-lease.ts';
import { type MemoryStores, memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { meterStores } from '../../../lib/storage/metering.ts';
import { CountingMeter } from '../../support/counting-meter.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const SESSION_MS = 45_000;

let clock: VirtualClock;
let stores: MemoryStores;
let meter: CountingMeter;
let joinedAt: number;

beforeEach(() => {
  clock = new VirtualClock();
  stores = memoryStores({ clock, random: seededRandom(1) });
  meter = new CountingMeter();
  joinedAt = clock.now();
});

/** The leases as one process sees them. */
function newProcess(): Leases {
  const { state } = meterStores(stores.client(), meter);
  return new Leases({ state, clock, random: seededRandom(2), logger: silentLogger }, 'g');
}

const session = (memberId: string, seenAt = joinedAt): Session => ({ memberId, timeoutMs: SESSION_MS, seenAt });

/** As much of a classic group as leases look at. */
function groupOf(...sessions: Session[]): Group {
  const members = sessions.map((one) => [one.memberId, { ...one, sessionTimeoutMs: one.timeoutMs }] as const);
  return { type: 'classic', roster: { members: new Map(members) } } as unknown as Group;
}

async function settledIn<T>(promise: Promise<T>): Promise<T> {
  let result: { value: T } | undefined;
  void promise.then((value) => {
    result = { value };
  });
  expect(await clock.runUntil(() => result !== undefined, 10_000)).toBe(true);
  return result!.value;
}

const expiredIn = async (leases: Leases, group: Group) => [...(await settledIn(leases.expired(group, clock.now())))];

describe('the lease of one member', () => {
  it('is written once a third of the session has passed, and keeps that member only', async () => {
    const [a, b] = [session('a'), session('b')];
    const leases = newProcess();
    await settledIn(leases.renew(a, clock.now()));
    expect(meter.totals('state.put').calls).toBe(0);
    await clock.advance(SESSION_MS / 3);
    await settledIn(leases.renew(a, clock.now()));
    expect(meter.totals('state.put').calls).toBe(1);
    await clock.advance((SESSION_MS * 2) / 3);
    expect(await expiredIn(newProcess(), groupOf(a, b))).toEqual(['b']);
  });
});

describe('the lease of a whole group', () => {
  it('stands for the longest session, and begins with the earliest', () => {
    const sessions = new Map([
      ['a', { memberId: 'a', timeoutMs: 10_000, seenAt: 500 }],
      ['b', { memberId: 'b', timeoutMs: 45_000, seenAt: 100 }],
    ]);
    expect(everyone(sessions)).toEqual({ memberId: '', timeoutMs: 45_000, seenAt: 100 });
  });

  it('keeps all members by one put, in every process', async () => {
    const members = Array.from({ length: 20 }, (_, index) => session(`m${index}`));
    const group = groupOf(...members);
    const [writer, reader] = [newProcess(), newProcess()];
    await clock.advance(SESSION_MS - 1_000);
    await settledIn(writer.renew(everyone(new Map(members.map((one) => [one.memberId, one]))), clock.now()));
    expect(meter.totals('state.put').calls).toBe(1);
    await clock.advance(SESSION_MS - 2_000);
    expect(await expiredIn(writer, group)).toEqual([]);
    expect(await expiredIn(reader, group)).toEqual([]);
    await clock.advance(3_000);
    expect(await expiredIn(writer, group)).toHaveLength(20);
    expect(await expiredIn(reader, group)).toHaveLength(20);
  });

  it('does not keep a member alive once the others renew without it', async () => {
    const [a, b] = [session('a'), session('b')];
    const leases = newProcess();
    const all = new Map([a, b].map((one) => [one.memberId, one]));
    await settledIn(leases.renew(everyone(all), clock.now()));
    await clock.advance(SESSION_MS - 1_000);
    await settledIn(leases.renew(a, clock.now()));
    await clock.advance(2_000);
    expect(await expiredIn(newProcess(), groupOf(a, b))).toEqual(['b']);
  });

  it('is not removed as that of a member who has gone', async () => {
    const a = session('a');
    await settledIn(newProcess().renew(everyone(new Map([['a', a]])), clock.now()));
    await clock.advance(60 * 60_000);
    expect(await expiredIn(newProcess(), groupOf(a))).toEqual(['a']);
    await clock.advance(10_000);
    expect((await settledIn(stores.state.get(groupPk('g'), groupLeaseSk(''), true))).item).toBeDefined();
  });
});
