import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { LOOK_AGE_MAX_MS } from '../../lib/groups/topic-looks.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { ConsumerMember, describeConsumerGroup, joining } from '../support/consumer-member.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { createTopic, deleteTopic, type TopicName } from '../support/requests.ts';
import { ShiftedClock } from '../support/shifted-clock.ts';

const SESSION_MS = 45_000;

let clock: ShiftedClock;
let engine: Engine;
let orders: TopicName;
let groups = 0;

const newGroup = () => `group-${groups++}`;

beforeAll(async () => {
  clock = new ShiftedClock();
  engine = await startEngine({ stores: emptyStores(clock), clock, settings: { 'group.consumer.max.size': '8' } });
  orders = await createTopic(engine.client, 'orders', { partitions: 4 });
});

const member = (group: string, id: string, topics: readonly string[] = ['orders'], join = {}) =>
  new ConsumerMember(engine.client, group, id, topics, join);

const at = (topic: TopicName, ...partitions: number[]) => partitions.map((partition) => `${topic.id} ${partition}`);

describe('a consumer group', () => {
  it('gives its first member everything, and tells it once', async () => {
    const first = member(newGroup(), 'first');
    expect(await first.heartbeat()).toMatchObject({
      errorCode: 0,
      memberId: 'first',
      memberEpoch: 1,
      heartbeatIntervalMs: 5000,
    });
    expect(first.owned).toEqual(at(orders, 0, 1, 2, 3));
    expect(await first.heartbeat()).toMatchObject({ errorCode: 0, memberEpoch: 1, assignment: null });
  });

  it('hands a partition on only when its owner has given it up', async () => {
    const group = newGroup();
    const [first, second] = [member(group, 'first'), member(group, 'second')];
    await first.heartbeat();
    await first.heartbeat();
    // It has the new epoch at once, and waits with a shorter interval.
    expect(await second.heartbeat()).toMatchObject({ errorCode: 0, memberEpoch: 2, heartbeatIntervalMs: 1000 });
    expect(second.owned).toEqual([]);
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({ groupState: 'Reconciling' });
    expect(await first.heartbeat()).toMatchObject({ memberEpoch: 1 });
    expect(first.owned).toEqual(at(orders, 0, 1));
    await second.heartbeat();
    expect(second.owned).toEqual([]);
    expect(await first.heartbeat()).toMatchObject({ memberEpoch: 2 });
    await second.heartbeat();
    expect(second.owned).toEqual(at(orders, 2, 3));
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      groupEpoch: 2,
      assignmentEpoch: 2,
      assignorName: 'uniform',
      members: [
        { memberId: 'first', memberEpoch: 2, memberType: 1, clientId: 'test', clientHost: '/127.0.0.1' },
        {
          memberId: 'second',
          assignment: { topicPartitions: [{ topicId: orders.id, topicName: 'orders', partitions: [2, 3] }] },
        },
      ],
    });
    await second.leave();
    await first.heartbeat();
    expect(first.owned).toEqual(at(orders, 0, 1, 2, 3));
  });

  it('writes nothing and reads one item for a heartbeat that changes nothing', async () => {
    const first = member(newGroup(), 'first');
    await first.heartbeat();
    await first.heartbeat();
    await first.heartbeat();
    engine.meter.reset();
    for (let beat = 0; beat < 3; beat++) await first.heartbeat();
    expect(engine.meter.counts()).toEqual({ 'state.get': 3 });
  });

  it('follows its topics: more partitions, another topic of the name, none', async () => {
    const { client } = engine;
    await createTopic(client, 'growing', { partitions: 1 });
    const first = member(newGroup(), 'first', ['growing', 'to-come']);
    await first.heartbeat();
    expect(first.owned).toHaveLength(1);
    const beats = async () => {
      // A topic in use is read again behind the back of the first look, and the second sees it.
      for (let look = 0; look < 4; look++) {
        clock.forward(LOOK_AGE_MAX_MS + 1);
        await first.heartbeat();
      }
      return first.owned;
    };
    await client.ask(ApiKey.CreatePartitions, 3, {
      topics: [{ name: 'growing', count: 3, assignments: null }],
      timeoutMs: 1000,
      validateOnly: false,
    });
    expect(await beats()).toHaveLength(3);
    const toCome = await createTopic(client, 'to-come', { partitions: 2 });
    expect(await beats()).toEqual(expect.arrayContaining(at(toCome, 0, 1)));
    await deleteTopic(client, 'growing');
    expect(await beats()).toEqual(at(toCome, 0, 1));
  });

  it('takes what a member no longer asks for, once it has given it up', async () => {
    const other = await createTopic(engine.client, 'other', { partitions: 1 });
    const group = newGroup();
    const [first, second] = [member(group, 'first', ['orders', 'other']), member(group, 'second', ['orders'])];
    for (const one of [first, first, second, first, first, second, second]) await one.heartbeat();
    const before = await describeConsumerGroup(engine.client, group);
    await first.subscribe(['other']);
    expect(first.owned).toEqual(at(other, 0));
    await second.heartbeat();
    expect(second.owned).not.toEqual(at(orders, 0, 1, 2, 3));
    await first.heartbeat();
    await second.heartbeat();
    expect(second.owned).toEqual(at(orders, 0, 1, 2, 3));
    const after = await describeConsumerGroup(engine.client, group);
    expect(after).toMatchObject({ groupState: 'Stable', groupEpoch: before.groupEpoch + 1 });
  });

  it('resolves patterns, and takes an empty one for none', async () => {
    const { client } = engine;
    const red = await createTopic(client, 'paint-red', { partitions: 1 });
    const blue = await createTopic(client, 'paint-blue', { partitions: 1 });
    const byPattern = { subscribedTopicNames: null, subscribedTopicRegex: 'paint-.*' };
    const first = member(newGroup(), 'first', [], byPattern);
    await first.heartbeat();
    expect([...first.owned].sort()).toEqual([...at(red, 0), ...at(blue, 0)].sort());
    const green = await createTopic(client, 'paint-green', { partitions: 1 });
    for (let look = 0; look < 2; look++) {
      clock.forward(31_000);
      await first.heartbeat();
    }
    expect([...first.owned].sort()).toEqual([...at(red, 0), ...at(blue, 0), ...at(green, 0)].sort());
    const plain = member(newGroup(), 'plain', ['orders'], { subscribedTopicRegex: '' });
    await plain.heartbeat();
    expect(plain.owned).toEqual(at(orders, 0, 1, 2, 3));
  });

  it('uses the assignor that most members ask for', async () => {
    const group = newGroup();
    const [first, second] = [0, 1].map((n) => member(group, `member-${n}`, ['orders'], { serverAssignor: 'range' }));
    await first!.heartbeat();
    await second!.heartbeat();
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({ assignorName: 'range' });
  });

  it('removes a member whose session is over, and one that does not give up what it has to', async () => {
    const group = newGroup();
    const [slow, second] = [member(group, 'slow', ['orders'], { rebalanceTimeoutMs: 20_000 }), member(group, 'second')];
    await slow.heartbeat();
    await slow.heartbeat();
    await second.heartbeat();
    await slow.heartbeat();
    clock.forward(20_001);
    await second.heartbeat();
    await second.heartbeat();
    expect(second.owned).toEqual(at(orders, 0, 1, 2, 3));
    expect(await slow.heartbeat()).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
    clock.forward(SESSION_MS + 1);
    expect(await second.heartbeat()).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({ groupState: 'Empty', members: [] });
  });

  it('is served by every process alike', async () => {
    const stores = emptyStores();
    const engines = [await startEngine({ stores }), await startEngine({ stores })] as const;
    const topic = await createTopic(engines[0].client, 'shared', { partitions: 2 });
    const members = [0, 1].map((n) => new ConsumerMember(engines[n]!.client, 'group', `member-${n}`, ['shared']));
    for (let round = 0; round < 4; round++) for (const one of members) await one.heartbeat();
    expect(members.map(({ owned }) => owned)).toEqual([at(topic, 0), at(topic, 1)]);
    await members[0]!.leave();
    await members[1]!.heartbeat();
    expect(members[1]!.owned).toEqual(at(topic, 0, 1));
  });
});

describe('a static member', () => {
  const join = { instanceId: 'instance' };

  it('leaves for a while, and its successor has its partitions at once', async () => {
    const group = newGroup();
    const [first, other] = [member(group, 'first', ['orders'], join), member(group, 'other')];
    for (const one of [first, other, first, first, other]) await one.heartbeat();
    const had = first.owned;
    expect(await first.leave(-2)).toMatchObject({ errorCode: 0, memberEpoch: -2 });
    await other.heartbeat();
    expect(other.owned).toHaveLength(2);
    const successor = member(group, 'successor', ['orders'], join);
    await successor.heartbeat();
    expect(successor.owned).toEqual(had);
    expect(await describeConsumerGroup(engine.client, group)).toMatchObject({ groupEpoch: 2, groupState: 'Stable' });
    expect(await first.heartbeat()).toMatchObject({ errorCode: errorCode('FENCED_INSTANCE_ID') });
  });

  it('is not replaced while it is there, but may join again itself', async () => {
    const group = newGroup();
    const first = member(group, 'first', ['orders'], join);
    await first.heartbeat();
    const usurper = member(group, 'usurper', ['orders'], join);
    expect(await usurper.heartbeat()).toMatchObject({ errorCode: errorCode('UNRELEASED_INSTANCE_ID') });
    const again = member(group, 'first', ['orders'], join);
    expect(await again.heartbeat()).toMatchObject({ errorCode: 0 });
    expect(again.owned).toEqual(at(orders, 0, 1, 2, 3));
  });
});

describe('ConsumerGroupHeartbeat refuses', () => {
  const ask = (body: Partial<ReturnType<typeof joining>>, version = 1) =>
    engine.client.ask(ApiKey.ConsumerGroupHeartbeat, version, {
      ...joining('refusing', 'asking', ['orders']),
      ...body,
    });

  it.each([
    ['no member id', { memberId: '' }, 'INVALID_REQUEST'],
    ['no group id', { groupId: '' }, 'INVALID_REQUEST'],
    ['an empty instance id', { instanceId: '' }, 'INVALID_REQUEST'],
    ['an empty rack', { rackId: '' }, 'INVALID_REQUEST'],
    ['a join without a rebalance time-out', { rebalanceTimeoutMs: -1 }, 'INVALID_REQUEST'],
    ['a join without partitions', { topicPartitions: null }, 'INVALID_REQUEST'],
    [
      'a join with partitions',
      { topicPartitions: [{ topicId: 'nowherenowherenowhereA', partitions: [0] }] },
      'INVALID_REQUEST',
    ],
    ['a join without a subscription', { subscribedTopicNames: null }, 'INVALID_REQUEST'],
    ['leaving for a while without an instance id', { memberEpoch: -2 }, 'INVALID_REQUEST'],
    ['an epoch that is none', { memberEpoch: -3 }, 'INVALID_REQUEST'],
    ['an unknown assignor', { serverAssignor: 'round-robin' }, 'UNSUPPORTED_ASSIGNOR'],
    ['a pattern that RE2 does not know', { subscribedTopicRegex: '(?=a)' }, 'INVALID_REGULAR_EXPRESSION'],
    ['a member of a group that is not there', { groupId: 'nowhere', memberEpoch: 1 }, 'GROUP_ID_NOT_FOUND'],
    ['leaving a group that is not there', { groupId: 'nowhere', memberEpoch: -1 }, 'GROUP_ID_NOT_FOUND'],
  ] as const)('%s', async (_what, body, error) => {
    const answer = await ask(body as Partial<ReturnType<typeof joining>>);
    expect(answer).toMatchObject({ errorCode: errorCode(error), memberEpoch: 0, assignment: null });
    expect(answer.errorMessage).toBeTruthy();
  });

  it('what does not fit the group', async () => {
    const groupId = newGroup();
    const first = member(groupId, 'first');
    await first.heartbeat();
    expect(await ask({ groupId, memberEpoch: 1 })).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
    expect(await ask({ groupId, memberEpoch: -1 })).toMatchObject({ errorCode: errorCode('UNKNOWN_MEMBER_ID') });
    const fenced = { errorCode: errorCode('FENCED_MEMBER_EPOCH') };
    expect(await ask({ groupId, memberId: 'first', memberEpoch: 7 })).toMatchObject(fenced);
    // The epoch before is taken from who has nothing that it should not: its answer may have been lost.
    await member(groupId, 'second').heartbeat();
    await first.heartbeat();
    await first.heartbeat();
    const partitions = [{ topicId: orders.id, partitions: [0] }];
    expect(await ask({ groupId, memberId: 'first', memberEpoch: 1, topicPartitions: partitions })).toMatchObject({
      errorCode: 0,
      memberEpoch: 2,
    });
    const tooMuch = [{ topicId: orders.id, partitions: [0, 3] }];
    expect(await ask({ groupId, memberId: 'first', memberEpoch: 1, topicPartitions: tooMuch })).toMatchObject(fenced);
    expect(await ask({ groupId, memberId: 'first', memberEpoch: 1, topicPartitions: null })).toMatchObject(fenced);
  });

  it('more members than group.consumer.max.size', async () => {
    const group = newGroup();
    for (let n = 0; n < 8; n++) await member(group, `member-${n}`).heartbeat();
    expect(await member(group, 'too-many').heartbeat()).toMatchObject({
      errorCode: errorCode('GROUP_MAX_SIZE_REACHED'),
    });
    expect(await member(group, 'member-7').heartbeat()).toMatchObject({ errorCode: 0 });
  });

  it('nobody in version 0 for the want of a member id, but gives one', async () => {
    const answer = await ask({ groupId: newGroup(), memberId: '' }, 0);
    expect(answer.errorCode).toBe(0);
    expect(answer.memberId).not.toBe('');
  });
});

describe('ConsumerGroupDescribe', () => {
  it('tells apart what is not there, what is another kind, and what is no id', async () => {
    const notFound = errorCode('GROUP_ID_NOT_FOUND');
    expect(await describeConsumerGroup(engine.client, 'nowhere')).toMatchObject({ errorCode: notFound, members: [] });
    expect(await describeConsumerGroup(engine.client, '')).toMatchObject({ errorCode: errorCode('INVALID_GROUP_ID') });
    await engine.client.ask(ApiKey.JoinGroup, 3, {
      groupId: 'classic',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'connect',
      protocols: [{ name: 'one', metadata: Buffer.alloc(0) }],
    });
    expect(await describeConsumerGroup(engine.client, 'classic')).toMatchObject({
      errorCode: notFound,
      errorMessage: 'Group classic is not a consumer group.',
    });
    expect(await member('classic', 'consumer').heartbeat()).toMatchObject({ errorCode: notFound });
  });
});
