import { beforeEach, describe, expect, it } from 'vitest';
import { systemRandom } from '../../lib/core/random.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { describeGroup, GroupMember } from '../support/group-member.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const SESSION_MS = 30_000;
const HEARTBEAT_MS = 3_000;
/** One strongly consistent read unit of DynamoDB. */
const READ_UNIT_BYTES = 4_096;
const OPTIONS = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: 60_000 };

let clock: VirtualClock;
let stores: ReturnType<typeof memoryStores>;
let engine: Engine;

beforeEach(async () => {
  clock = new VirtualClock();
  stores = memoryStores({ clock, random: systemRandom });
  // The first rebalance waits for further members, so that they need not join twice here.
  engine = await startEngine({ stores, clock, settings: { 'group.initial.rebalance.delay.ms': '100' } });
});

/** Members of one group, all stable. */
async function stableMembers(count: number, options = OPTIONS): Promise<GroupMember[]> {
  const members = Array.from({ length: count }, () => new GroupMember(engine.client, 'g', options));
  await Promise.all(members.map((member) => member.joinOnce()));
  const joining = members.map((member) => member.joinOnce());
  await clock.advance(1_000);
  const joined = await Promise.all(joining);
  const leader = joined.find((one) => one.leader === one.memberId)!;
  const given = Object.fromEntries(leader.members.map(({ memberId }) => [memberId, 'partitions']));
  const syncing = members.map((member) => member.sync(member.memberId === leader.leader ? given : {}));
  await clock.advance(1_000);
  for (const synced of await Promise.all(syncing)) expect(synced.errorCode).toBe(0);
  engine.meter.reset();
  return members;
}

describe('a stable group', () => {
  it('costs one read unit per heartbeat, and a write in a third of the session', async () => {
    const [member] = await stableMembers(1);
    const heartbeats = 40;
    for (let i = 0; i < heartbeats; i++) {
      await clock.advance(HEARTBEAT_MS);
      expect(await member!.heartbeat()).toBe(0);
    }
    const { 'state.get': gets, 'state.put': puts, ...others } = engine.meter.counts();
    expect(others).toEqual({});
    expect(gets).toBe(heartbeats);
    // A third of the session is 10 s, so the heartbeat after 12 s writes.
    expect(puts).toBe((heartbeats * HEARTBEAT_MS) / 12_000);
    expect(engine.meter.totals('state.get').bytesOut / heartbeats).toBeLessThan(READ_UNIT_BYTES);
    expect(engine.meter.totals('state.put').bytesIn / puts!).toBeLessThan(1_024);
  });

  it('shares one read among heartbeats that come together', async () => {
    const members = await stableMembers(20);
    const codes = await Promise.all(members.map((member) => member.heartbeat()));
    expect(new Set(codes)).toEqual(new Set([0]));
    expect(engine.meter.counts()['state.get']).toBeLessThanOrEqual(2);
  });

  it('reads leases only where a session seems to be over, also with two processes', async () => {
    const members = await stableMembers(2);
    const other = await startEngine({ stores, clock });
    const elsewhere = new GroupMember(other.client, 'g', OPTIONS);
    elsewhere.memberId = members[1]!.memberId;
    elsewhere.generation = members[1]!.generation;
    const minutes = 5;
    for (let i = 0; i < (minutes * 60_000) / HEARTBEAT_MS; i++) {
      await clock.advance(HEARTBEAT_MS);
      expect([await members[0]!.heartbeat(), await elsewhere.heartbeat()]).toEqual([0, 0]);
    }
    // Each learns of the other's member once in two thirds of a session at most.
    const most = (minutes * 60_000) / (SESSION_MS * (2 / 3)) + 1;
    for (const one of [engine, other]) expect(one.meter.counts()['state.query']).toBeLessThanOrEqual(most);
  });

  it('is described by one read', async () => {
    await stableMembers(2);
    await describeGroup(engine.client, 'g');
    expect(engine.meter.counts()).toEqual({ 'state.get': 1 });
  });

  it('costs nothing while nobody asks', async () => {
    await stableMembers(3);
    await clock.advance(3_600_000);
    expect(engine.meter.counts()).toEqual({});
  });
});

describe('a rebalance', () => {
  it('reads the group at most five times a second while members wait', async () => {
    await stableMembers(1);
    const members = Array.from({ length: 10 }, () => new GroupMember(engine.client, 'g', OPTIONS));
    for (const member of members) await member.joinOnce();
    for (const member of members) void member.joinOnce();
    await clock.advance(0);
    engine.meter.reset();
    const seconds = 9;
    await clock.advance(seconds * 1_000);
    const { 'state.get': gets, 'state.put': puts = 0, ...others } = engine.meter.counts();
    expect(others).toEqual({});
    expect(gets).toBeGreaterThan(seconds * 3);
    expect(gets).toBeLessThanOrEqual(seconds * 5);
    expect(puts).toBe(0);
  });

  it('keeps those who wait alive, by a lease in a third of the session', async () => {
    const [silent] = await stableMembers(1, { sessionTimeoutMs: 60_000, rebalanceTimeoutMs: 55_000 });
    const waiting = new GroupMember(engine.client, 'g', { sessionTimeoutMs: 6_000, rebalanceTimeoutMs: 55_000 });
    await waiting.joinOnce();
    const joining = waiting.joinOnce();
    await clock.advance(0);
    engine.meter.reset();
    await clock.advance(50_000);
    expect(engine.meter.counts()['state.put']).toBeGreaterThanOrEqual(20);
    expect(engine.meter.counts()['state.put']).toBeLessThanOrEqual(25);
    await clock.advance(6_000);
    expect(await joining).toMatchObject({ errorCode: 0, generationId: 2, leader: waiting.memberId });
    expect(await silent!.heartbeat()).toBe(25);
  });

  it('takes 200 members in by a few writes', async () => {
    const members = Array.from({ length: 200 }, () => new GroupMember(engine.client, 'g', OPTIONS));
    await Promise.all(members.map((member) => member.joinOnce()));
    const joining = members.map((member) => member.joinOnce());
    await clock.advance(1_000);
    const joined = await Promise.all(joining);
    const leader = members[joined.findIndex((one) => one.leader === one.memberId)]!;
    const generations = new Set(joined.map((one) => one.generationId));
    expect(generations.size).toBe(1);
    const syncing = members.map((member) => member.sync(member === leader ? { [member.memberId]: 'all' } : {}));
    await clock.advance(1_000);
    for (const synced of await Promise.all(syncing)) expect(synced.errorCode).toBe(0);
    expect(engine.meter.counts()['state.put']).toBeLessThan(20);
  });
});
