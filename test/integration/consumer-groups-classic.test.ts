import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeConsumerProtocol,
  encodeConsumerProtocol,
} from '../../lib/wire/messages/consumer-protocol.ts';
import { ConsumerMember, describeConsumerGroup } from '../support/consumer-member.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { describeGroup, GroupMember, type Synced } from '../support/group-member.ts';
import { createTopic, type TopicName } from '../support/requests.ts';
import { ShiftedClock } from '../support/shifted-clock.ts';

const PARTITIONS = 4;

let clock: ShiftedClock;
let engine: Engine;
let orders: TopicName;
let groups = 0;

const newGroup = () => `group-${groups++}`;

beforeAll(async () => {
  clock = new ShiftedClock();
  engine = await startEngine({ stores: emptyStores(clock), clock });
  orders = await createTopic(engine.client, 'orders', { partitions: PARTITIONS });
});

function subscription(owned: readonly number[] = []): Buffer {
  return encodeConsumerProtocol(ConsumerProtocolSubscription, 1, {
    topics: ['orders'],
    userData: null,
    ownedPartitions: owned.length === 0 ? [] : [{ topic: 'orders', partitions: [...owned] }],
  });
}

function assignment(partitions: readonly number[]): Buffer {
  const assignedPartitions = [{ topic: 'orders', partitions: [...partitions] }];
  return encodeConsumerProtocol(ConsumerProtocolAssignment, 1, { assignedPartitions, userData: null });
}

function partitionsIn({ assignment }: Synced): number[] {
  const { assignedPartitions } = decodeConsumerProtocol(ConsumerProtocolAssignment, assignment);
  return assignedPartitions.flatMap(({ topic, partitions }) => (topic === 'orders' ? partitions : []));
}

const classic = (groupId: string, options = {}) =>
  new GroupMember(engine.client, groupId, { protocols: [{ name: 'range', metadata: subscription() }], ...options });

const consumer = (groupId: string, memberId: string, join = {}) =>
  new ConsumerMember(engine.client, groupId, memberId, ['orders'], join);

/** A classic group of one member that has all partitions. */
async function classicGroup(groupId: string, options = {}): Promise<GroupMember> {
  const member = classic(groupId, options);
  const joined = await member.join();
  expect(joined.leader).toBe(member.memberId);
  const synced = await engine.client.ask(ApiKey.SyncGroup, 5, {
    groupId,
    generationId: member.generation,
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [{ memberId: member.memberId, assignment: assignment([0, 1, 2, 3]) }],
  });
  expect(synced.errorCode).toBe(0);
  return member;
}

/** Joins and syncs as an eager consumer does: it has given everything up before. */
async function rejoin(member: GroupMember): Promise<number[]> {
  const joined = await member.join();
  expect(joined).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range', members: [] });
  const synced = await member.sync();
  expect(synced).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' });
  return partitionsIn(synced);
}

const REBALANCE_IN_PROGRESS = errorCode('REBALANCE_IN_PROGRESS');

describe('a group that changes over', () => {
  it('goes to the consumer protocol with the first such member, and back with the last', async () => {
    const group = newGroup();
    const old = await classicGroup(group);
    const fresh = consumer(group, 'fresh');
    expect(await fresh.heartbeat()).toMatchObject({ errorCode: 0, memberEpoch: 2 });
    expect(fresh.owned).toEqual([]);
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({
      groupState: 'Reconciling',
      groupEpoch: 2,
      members: [
        { memberId: old.memberId, memberEpoch: 1, memberType: 0 },
        { memberId: 'fresh', memberType: 1 },
      ],
    });
    // The old member is told to join again, gives everything up, and gets its share.
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    expect(await rejoin(old)).toEqual([0, 1]);
    expect(old.generation).toBe(2);
    expect(await old.heartbeat()).toBe(0);
    await fresh.heartbeat();
    expect(fresh.owned).toEqual([`${orders.id} 2`, `${orders.id} 3`]);
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({ groupState: 'Stable' });

    await fresh.leave();
    expect(await describeGroup(engine.client, group)).toMatchObject({
      groupState: 'PreparingRebalance',
      protocolType: 'consumer',
      members: [{ memberId: old.memberId }],
    });
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    const joined = await old.join();
    expect(joined).toMatchObject({ errorCode: 0, leader: old.memberId });
    // Generations and epochs share a scale.
    expect(joined.generationId).toBeGreaterThan(2);
  });

  it('goes back when the last consumer-protocol member falls silent', async () => {
    const group = newGroup();
    const old = await classicGroup(group, { sessionTimeoutMs: 100_000 });
    await consumer(group, 'fresh').heartbeat();
    await old.heartbeat();
    await rejoin(old);
    clock.forward(50_000);
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    expect(await describeGroup(engine.client, group)).toMatchObject({ members: [{ memberId: old.memberId }] });
  });

  it('tells joins that wait in the classic group to come again', async () => {
    const group = newGroup();
    await classicGroup(group);
    const waiting = classic(group).join();
    await expect.poll(() => describeGroup(engine.client, group)).toMatchObject({ groupState: 'PreparingRebalance' });
    await consumer(group, 'fresh').heartbeat();
    expect(await waiting).toMatchObject({ errorCode: REBALANCE_IN_PROGRESS });
  });

  it('goes to the consumer protocol without members, with an epoch that goes on', async () => {
    const group = newGroup();
    const old = await classicGroup(group);
    expect(await old.leave()).toBe(0);
    const fresh = consumer(group, 'fresh');
    await fresh.heartbeat();
    expect(fresh.owned).toHaveLength(PARTITIONS);
    expect(fresh.epoch).toBeGreaterThan(2);
    await fresh.leave();
    const again = await classicGroup(group);
    expect(again.generation).toBeGreaterThan(fresh.epoch);
  });

  it('hands a static member over from one protocol to the other', async () => {
    const group = newGroup();
    const old = await classicGroup(group, { instanceId: 'instance' });
    const fresh = consumer(group, 'fresh', { instanceId: 'instance' });
    await fresh.heartbeat();
    expect(fresh.owned).toHaveLength(PARTITIONS);
    expect(await old.heartbeat()).toBe(errorCode('FENCED_INSTANCE_ID'));
    const back = classic(group, { instanceId: 'instance' });
    expect(await back.join()).toMatchObject({ errorCode: 0 });
    const described = await describeGroup(engine.client, group);
    expect(described).toMatchObject({
      errorCode: 0,
      members: [{ memberId: back.memberId, groupInstanceId: 'instance' }],
    });
    expect(partitionsIn(await back.sync())).toEqual([0, 1, 2, 3]);
  });
});

it('a group that changes over while partitions are on their way begins with a rebalance', async () => {
  const group = newGroup();
  const old = await classicGroup(group);
  await consumer(group, 'fresh', { instanceId: 'instance' }).heartbeat();
  const back = classic(group, { instanceId: 'instance' });
  await back.join();
  // The old member still has all partitions, half of which are to be the other's.
  expect(await back.sync()).toMatchObject({ errorCode: REBALANCE_IN_PROGRESS });
  const described = await describeGroup(engine.client, group);
  expect(described.members.map(({ memberId }) => memberId).sort()).toEqual([old.memberId, back.memberId].sort());
});

describe('a classic member of a consumer group', () => {
  /** A consumer group with a classic member that has joined it. */
  async function mixed() {
    const group = newGroup();
    const fresh = consumer(group, 'fresh');
    await fresh.heartbeat();
    const old = classic(group);
    await old.join();
    return { group, fresh, old };
  }

  it('joins it, and waits until its partitions are free', async () => {
    const { fresh, old } = await mixed();
    expect(partitionsIn(await old.sync())).toEqual([]);
    expect(await old.heartbeat()).toBe(0);
    await fresh.heartbeat();
    await fresh.heartbeat();
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    expect(await rejoin(old)).toHaveLength(2);
    expect(fresh.owned).toHaveLength(2);
  });

  it('keeps what it has and gives up only what it has to, if it says what it has', async () => {
    const group = newGroup();
    const old = classic(group, { protocols: [{ name: 'range', metadata: subscription([0, 1, 2, 3]) }] });
    const anchor = consumer(group, 'anchor', { subscribedTopicNames: [] });
    await anchor.heartbeat();
    await old.join();
    expect(partitionsIn(await old.sync())).toEqual([0, 1, 2, 3]);
    const fresh = consumer(group, 'fresh');
    await fresh.heartbeat();
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    // It still has all four: it is told to give up two, and to join once more.
    expect(await rejoin(old)).toEqual([0, 1]);
    await fresh.heartbeat();
    expect(fresh.owned).toEqual([]);
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    const cooperative = new GroupMember(engine.client, group, {
      protocols: [{ name: 'range', metadata: subscription([0, 1]) }],
    });
    cooperative.memberId = old.memberId;
    expect(await rejoin(cooperative)).toEqual([0, 1]);
    await fresh.heartbeat();
    expect(fresh.owned).toHaveLength(2);
  });

  it('is removed if it does not join again in time', async () => {
    const { group, fresh, old } = await mixed();
    await old.sync();
    await consumer(group, 'third').heartbeat();
    expect(await old.heartbeat()).toBe(REBALANCE_IN_PROGRESS);
    clock.forward(30_001);
    await fresh.heartbeat();
    expect(await old.heartbeat()).toBe(errorCode('UNKNOWN_MEMBER_ID'));
  });

  it('is removed if it does not sync in time', async () => {
    const { fresh, old } = await mixed();
    clock.forward(30_001);
    await fresh.heartbeat();
    expect(await old.heartbeat()).toBe(errorCode('UNKNOWN_MEMBER_ID'));
  });

  it('leaves by LeaveGroup, which also removes members of the consumer protocol', async () => {
    const { group, fresh, old } = await mixed();
    expect(await old.leave()).toBe(0);
    expect(await old.leave()).toBe(errorCode('UNKNOWN_MEMBER_ID'));
    const { members } = await engine.client.ask(ApiKey.LeaveGroup, 5, {
      groupId: group,
      members: [{ memberId: 'fresh', groupInstanceId: null, reason: null }],
    });
    expect(members).toMatchObject([{ memberId: 'fresh', errorCode: 0 }]);
    expect(await fresh.heartbeat()).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
  });

  it('is refused what does not fit', async () => {
    const { group, old } = await mixed();
    const other = (options: object) => classic(group, options).join();
    const inconsistent = { errorCode: errorCode('INCONSISTENT_GROUP_PROTOCOL') };
    expect(await other({ protocolType: 'connect' })).toMatchObject(inconsistent);
    expect(await other({ protocols: [{ name: 'sticky', metadata: subscription() }] })).toMatchObject(inconsistent);
    const garbage = { protocols: [{ name: 'range', metadata: Buffer.from([0]) }] };
    expect(await other(garbage)).toMatchObject({ errorCode: errorCode('UNKNOWN_SERVER_ERROR') });
    const sync = (body: object) =>
      engine.client.ask(ApiKey.SyncGroup, 5, {
        groupId: group,
        generationId: old.generation,
        memberId: old.memberId,
        groupInstanceId: null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: [],
        ...body,
      });
    expect(await sync({ generationId: 99 })).toMatchObject({ errorCode: errorCode('ILLEGAL_GENERATION') });
    expect(await sync({ protocolName: 'sticky' })).toMatchObject(inconsistent);
    expect(await sync({ memberId: 'nobody' })).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
    expect(await sync({ memberId: 'fresh' })).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
  });
});

it('changes nothing over where group.consumer.migration.policy says no', async () => {
  const settings = { 'group.consumer.migration.policy': 'disabled' };
  const strict = await startEngine({ settings });
  await createTopic(strict.client, 'orders', { partitions: PARTITIONS });
  const old = new GroupMember(strict.client, 'group', { protocols: [{ name: 'range', metadata: subscription() }] });
  await old.join();
  const fresh = new ConsumerMember(strict.client, 'group', 'fresh', ['orders']);
  expect(await fresh.heartbeat()).toMatchObject({ errorCode: errorCode('GROUP_ID_NOT_FOUND') });
  expect(await describeGroup(strict.client, 'group')).toMatchObject({
    errorCode: 0,
    members: [{ memberId: old.memberId }],
  });
});
