import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../../lib/core/errors.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { ConsumerProtocolSubscription, encodeConsumerProtocol } from '../../../lib/wire/messages/consumer-protocol.ts';
import { type Engine, emptyStores, startEngine } from '../../support/engine.ts';
import { GroupMember } from '../../support/group-member.ts';
import {
  type Committer,
  commitOffsets,
  deleteOffsets,
  fetchOffsets,
  offsetsIn,
} from '../../support/offset-requests.ts';
import { createTopic, deleteTopic, NOWHERE, type TopicName } from '../../support/requests.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

let engine: Engine;
let orders: TopicName;
let payments: TopicName;
let groups = 0;

const newGroup = () => `offsets-${groups++}`;
const UNKNOWN_TOPIC = errorCode('UNKNOWN_TOPIC_OR_PARTITION');

beforeAll(async () => {
  engine = await startEngine();
  orders = await createTopic(engine.client, 'orders', { partitions: 40 });
  payments = await createTopic(engine.client, 'payments', { partitions: 2 });
});

/** A member of a group of its own that reads `topics`. */
async function enter(groupId: string, ...topics: string[]): Promise<GroupMember> {
  const metadata = encodeConsumerProtocol(ConsumerProtocolSubscription, 1, { topics, ownedPartitions: [] });
  const member = new GroupMember(engine.client, groupId, { protocols: [{ name: 'range', metadata }] });
  await member.enter();
  return member;
}

const as = ({ memberId, generation, instanceId }: GroupMember): Committer => ({ memberId, generation, instanceId });

describe('without members', () => {
  it.each([2, 3, 4, 5, 6, 7, 8, 9, 10])('OffsetCommit %i stores what is given', async (version) => {
    const group = newGroup();
    const options = { version, metadata: 'a note', ...(version >= 6 ? { leaderEpoch: 4 } : {}) };
    expect(await commitOffsets(engine.client, group, orders, { 0: 7, 20: 8 }, options)).toEqual([0, 0]);
    const { topics } = await fetchOffsets(engine.client, group, orders, [0, 20, 1]);
    const leaderEpoch = version >= 6 ? 4 : -1;
    expect(topics[0]?.partitions).toEqual([
      { partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: leaderEpoch, metadata: 'a note', errorCode: 0 },
      { partitionIndex: 20, committedOffset: 8, committedLeaderEpoch: leaderEpoch, metadata: 'a note', errorCode: 0 },
      { partitionIndex: 1, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 },
    ]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])('OffsetFetch %i gives them, by topic and altogether', async (version) => {
    const group = newGroup();
    await commitOffsets(engine.client, group, orders, { 0: 7, 20: 8 });
    await commitOffsets(engine.client, group, payments, { 1: 3 });
    const answer = await fetchOffsets(engine.client, group, orders, [20, 0], { version });
    expect(offsetsIn(answer)).toEqual([8, 7]);
    expect(version >= 10 ? answer.topics[0]?.topicId : answer.topics[0]?.name).toBe(
      version >= 10 ? orders.id : 'orders',
    );
    if (version < 2) return;
    const all = await fetchOffsets(engine.client, group, null, [], { version });
    expect(offsetsIn(all).sort()).toEqual([3, 7, 8]);
    expect(all.topics.length).toBe(2);
  });

  it('several groups are answered in one request', async () => {
    const [one, two] = [newGroup(), newGroup()];
    await commitOffsets(engine.client, one, orders, { 0: 1 });
    await commitOffsets(engine.client, two, orders, { 0: 2 });
    const topics = [{ name: 'orders', partitionIndexes: [0] }];
    const asked = [one, two, 'nowhere'].map((groupId) => ({ groupId, topics }));
    const answer = await engine.client.ask(ApiKey.OffsetFetch, 8, { groups: asked, requireStable: true });
    expect(answer.groups.map(offsetsIn)).toEqual([[1], [2], [-1]]);
  });

  it('topics and partitions that are not there are refused one by one, and read as nothing', async () => {
    const group = newGroup();
    const codes = await commitOffsets(engine.client, group, orders, { 39: 1, 40: 1, [-1]: 1 });
    expect(codes).toEqual([0, UNKNOWN_TOPIC, UNKNOWN_TOPIC]);
    expect(await commitOffsets(engine.client, group, NOWHERE, { 0: 1 })).toEqual([UNKNOWN_TOPIC]);
    expect(await commitOffsets(engine.client, group, NOWHERE, { 0: 1 }, { version: 10 })).toEqual([
      errorCode('UNKNOWN_TOPIC_ID'),
    ]);
    expect(offsetsIn(await fetchOffsets(engine.client, group, orders, [39, 40]))).toEqual([1, -1]);
    expect(offsetsIn(await fetchOffsets(engine.client, group, NOWHERE, [0]))).toEqual([-1]);
    expect(offsetsIn(await fetchOffsets(engine.client, group, NOWHERE, [0], { version: 10 }))).toEqual([
      `error ${errorCode('UNKNOWN_TOPIC_ID')}`,
    ]);
  });

  it('metadata may have up to offset.metadata.max.bytes', async () => {
    const group = newGroup();
    const metadata = 'é'.repeat(4096);
    expect(await commitOffsets(engine.client, group, orders, { 0: 1 }, { metadata })).toEqual([0]);
    expect(await commitOffsets(engine.client, group, orders, { 0: 2 }, { metadata: `${metadata}x` })).toEqual([
      errorCode('OFFSET_METADATA_TOO_LARGE'),
    ]);
    const { topics } = await fetchOffsets(engine.client, group, orders, [0]);
    expect(topics[0]?.partitions[0]).toMatchObject({ committedOffset: 1, metadata });
  });

  it('a group id that no item can have is INVALID_GROUP_ID', async () => {
    for (const id of ['', 'x'.repeat(2_000)]) {
      expect(await commitOffsets(engine.client, id, orders, { 0: 1 })).toEqual([errorCode('INVALID_GROUP_ID')]);
      expect(offsetsIn(await fetchOffsets(engine.client, id, orders))).toEqual([
        `error ${errorCode('INVALID_GROUP_ID')}`,
      ]);
    }
  });

  it('a group that only keeps offsets is listed, and goes with its offsets when it is deleted', async () => {
    const group = newGroup();
    await commitOffsets(engine.client, group, orders, { 0: 1 });
    const list = async () => {
      const { groups: listed } = await engine.client.ask(ApiKey.ListGroups, 5, { statesFilter: [], typesFilter: [] });
      return listed.filter(({ groupId }) => groupId === group);
    };
    expect(await list()).toMatchObject([{ groupState: 'Empty', protocolType: '', groupType: 'classic' }]);
    const { results } = await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: [group] });
    expect(results[0]?.errorCode).toBe(0);
    expect(await list()).toEqual([]);
    expect(offsetsIn(await fetchOffsets(engine.client, group, null))).toEqual([]);
    await commitOffsets(engine.client, group, orders, { 1: 5 });
    expect(offsetsIn(await fetchOffsets(engine.client, group, orders, [0, 1]))).toEqual([-1, 5]);
  });
});

describe('with members', () => {
  it('only they commit, and only in their generation', async () => {
    const group = newGroup();
    const first = await enter(group, 'orders');
    const by = as(first);
    const commit = (committer?: Committer, version = 9) =>
      commitOffsets(engine.client, group, orders, { 0: 1 }, committer ? { by: committer, version } : { version });
    expect(await commit(by)).toEqual([0]);
    expect(await commit()).toEqual([errorCode('UNKNOWN_MEMBER_ID')]);
    expect(await commit({ ...by, memberId: 'stranger' })).toEqual([errorCode('UNKNOWN_MEMBER_ID')]);
    expect(await commit({ ...by, generation: by.generation + 1 })).toEqual([errorCode('ILLEGAL_GENERATION')]);
    expect(await first.leave()).toBe(0);
    expect(await commit(by)).toEqual([errorCode('UNKNOWN_MEMBER_ID')]);
    expect(await commit()).toEqual([0]);
  });

  it('a static member that was replaced is fenced', async () => {
    const group = newGroup();
    const one = new GroupMember(engine.client, group, { instanceId: 'i' });
    await one.enter();
    const two = new GroupMember(engine.client, group, { instanceId: 'i' });
    await two.enter();
    const commit = (by: Committer) => commitOffsets(engine.client, group, orders, { 0: 1 }, { by });
    expect(await commit({ ...as(one), instanceId: 'i' })).toEqual([errorCode('FENCED_INSTANCE_ID')]);
    expect(await commit({ ...as(two), instanceId: 'i' })).toEqual([0]);
  });

  it('a group that is not there has no generation', async () => {
    const commit = (version: number) =>
      commitOffsets(engine.client, newGroup(), orders, { 0: 1 }, { by: { memberId: 'm', generation: 3 }, version });
    expect(await commit(8)).toEqual([errorCode('ILLEGAL_GENERATION')]);
    expect(await commit(9)).toEqual([errorCode('GROUP_ID_NOT_FOUND')]);
  });

  it('offsets of topics that they read are not deleted', async () => {
    const group = newGroup();
    const member = await enter(group, 'orders');
    await commitOffsets(engine.client, group, orders, { 0: 1 }, { by: as(member) });
    await commitOffsets(engine.client, group, payments, { 0: 1, 1: 1 }, { by: as(member) });
    expect(await deleteOffsets(engine.client, group, 'orders', [0])).toEqual({
      error: 0,
      partitions: [errorCode('GROUP_SUBSCRIBED_TO_TOPIC')],
    });
    expect(await deleteOffsets(engine.client, group, 'payments', [0, 7])).toEqual({
      error: 0,
      partitions: [0, UNKNOWN_TOPIC],
    });
    expect(offsetsIn(await fetchOffsets(engine.client, group, payments, [0, 1]))).toEqual([-1, 1]);
    await member.leave();
    expect(await deleteOffsets(engine.client, group, 'orders', [0])).toEqual({ error: 0, partitions: [0] });
    expect(offsetsIn(await fetchOffsets(engine.client, group, orders, [0]))).toEqual([-1]);
    expect(await deleteOffsets(engine.client, 'nowhere', 'orders', [0])).toEqual({
      error: errorCode('GROUP_ID_NOT_FOUND'),
      partitions: [],
    });
  });

  it('other protocols than the consumers keep all their offsets', async () => {
    const group = newGroup();
    const member = new GroupMember(engine.client, group, { protocolType: 'connect' });
    await member.enter();
    const refused = { error: errorCode('NON_EMPTY_GROUP'), partitions: [] };
    expect(await deleteOffsets(engine.client, group, 'orders', [0])).toEqual(refused);
  });
});

describe('a topic that is deleted', () => {
  it('takes its offsets along, also where another process makes one of its name', async () => {
    const stores = emptyStores();
    const one = await startEngine({ stores });
    const two = await startEngine({ stores });
    const before = await createTopic(one.client, 'again');
    for (const { client } of [one, two]) {
      await commitOffsets(client, 'readers', before, { 0: 42 });
      expect(offsetsIn(await fetchOffsets(client, 'readers', before))).toEqual([42]);
    }
    await deleteTopic(one.client, 'again');
    expect(offsetsIn(await fetchOffsets(two.client, 'readers', null))).toEqual([]);
    const after = await createTopic(one.client, 'again');
    expect(after.id).not.toBe(before.id);
    for (const { client } of [one, two]) {
      expect(offsetsIn(await fetchOffsets(client, 'readers', after))).toEqual([-1]);
      expect(offsetsIn(await fetchOffsets(client, 'readers', before, [0], { version: 10 }))).toEqual([
        `error ${errorCode('UNKNOWN_TOPIC_ID')}`,
      ]);
    }
  });
});

describe('offsets.retention.minutes', () => {
  it('counts from when the last member has left', async () => {
    const clock = new VirtualClock();
    const stores = emptyStores(clock);
    const settings = { 'offsets.retention.minutes': '60' };
    const aged = await startEngine({ stores, clock, settings });
    const topic = await createTopic(aged.client, 'aging');
    const member = new GroupMember(aged.client, 'sleepers', { sessionTimeoutMs: 1_800_000 });
    await member.enter();
    await commitOffsets(aged.client, 'sleepers', topic, { 0: 5 }, { by: as(member) });
    await clock.advance(20 * 60_000);
    await member.heartbeat();
    await clock.advance(20 * 60_000);
    await member.leave();
    await clock.advance(59 * 60_000);
    expect(offsetsIn(await fetchOffsets(aged.client, 'sleepers', topic))).toEqual([5]);
    await clock.advance(60_000);
    expect(offsetsIn(await fetchOffsets(aged.client, 'sleepers', topic))).toEqual([-1]);
  });

  it('is over for a member that comes back too late, though nobody looked meanwhile', async () => {
    const clock = new VirtualClock();
    const settings = { 'offsets.retention.minutes': '60' };
    const aged = await startEngine({ stores: emptyStores(clock), clock, settings });
    const topic = await createTopic(aged.client, 'aging');
    const other = await createTopic(aged.client, 'aging-too');
    const first = new GroupMember(aged.client, 'sleepers');
    await first.enter();
    for (const one of [topic, other]) await commitOffsets(aged.client, 'sleepers', one, { 0: 5 }, { by: as(first) });
    await first.leave();
    for (const [minutes, offset] of [
      [50, 5],
      [61, -1],
    ] as const) {
      await clock.advance(minutes * 60_000);
      const late = new GroupMember(aged.client, 'sleepers');
      await late.enter();
      expect(offsetsIn(await fetchOffsets(aged.client, 'sleepers', topic, [0], { by: as(late) }))).toEqual([offset]);
      await late.leave();
    }
    expect(offsetsIn(await fetchOffsets(aged.client, 'sleepers', null))).toEqual([]);
  });
});

describe('what it costs', () => {
  it('a warm commit of a member: one read, one put; an unchanged one: two reads', async () => {
    const group = newGroup();
    const member = await enter(group, 'orders');
    const by = as(member);
    await commitOffsets(engine.client, group, orders, { 0: 1, 1: 1 }, { by });
    engine.meter.reset();
    await commitOffsets(engine.client, group, orders, { 0: 2, 1: 2 }, { by });
    expect(engine.meter.counts()).toEqual({ 'state.get': 1, 'state.put': 1 });
    const { bytesIn } = engine.meter.totals('state.put');
    expect(bytesIn).toBeLessThan(1024);
    engine.meter.reset();
    await commitOffsets(engine.client, group, orders, { 0: 2, 1: 2 }, { by });
    expect(engine.meter.counts()).toEqual({ 'state.get': 2 });
    // One unit reads up to 4 KB.
    expect(engine.meter.totals('state.get').bytesOut).toBeLessThan(4096);
  });

  it("a member's first read of a generation: the topic, the group, the item and its stamp; then only reads", async () => {
    const group = newGroup();
    const member = await enter(group, 'orders');
    engine.meter.reset();
    for (const puts of [1, 0]) {
      await fetchOffsets(engine.client, group, orders, [0, 1, 2], { by: as(member) });
      expect(engine.meter.totals('state.get').calls).toBe(3);
      expect(engine.meter.totals('state.put').calls).toBe(puts);
      engine.meter.reset();
    }
  });
});

describe('in a consumer group', () => {
  /** One heartbeat of a member that reads `orders`. */
  async function heartbeat(
    groupId: string,
    memberId: string,
    memberEpoch: number,
    owned: readonly number[] | null = [],
  ) {
    const topicPartitions =
      owned === null ? null : owned.length === 0 ? [] : [{ topicId: orders.id, partitions: [...owned] }];
    return engine.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, {
      groupId,
      memberId,
      memberEpoch,
      rebalanceTimeoutMs: memberEpoch === 0 ? 30_000 : -1,
      subscribedTopicNames: memberEpoch === 0 ? ['orders'] : null,
      topicPartitions,
    });
  }
  const partitionsOf = (answer: Awaited<ReturnType<typeof heartbeat>>) =>
    answer.assignment?.topicPartitions.flatMap(({ partitions }) => partitions) ?? [];

  it('members commit in their epoch, and one that is behind still commits what it has', async () => {
    const group = newGroup();
    const first = await heartbeat(group, 'first-member-of-the-group', 0);
    const owned = partitionsOf(first);
    expect(owned).toHaveLength(40);
    const one = { memberId: 'first-member-of-the-group', generation: first.memberEpoch };
    await fetchOffsets(engine.client, group, orders, owned, { by: one });
    const commit = (by: Committer, offset: number, version = 9) =>
      commitOffsets(engine.client, group, orders, { 0: offset }, { by, version });
    expect(await commit(one, 5)).toEqual([0]);
    expect(await commit({ ...one, generation: one.generation - 1 }, 6)).toEqual([errorCode('STALE_MEMBER_EPOCH')]);
    expect(await commit(one, 6, 8)).toEqual([errorCode('UNSUPPORTED_VERSION')]);
    expect(await commit({ memberId: 'stranger', generation: 1 }, 6)).toEqual([errorCode('UNKNOWN_MEMBER_ID')]);

    // The second member is at the next epoch, and looks at all offsets, before the first one has given anything up.
    const second = await heartbeat(group, 'second-member-of-the-group', 0);
    const two = { memberId: 'second-member-of-the-group', generation: second.memberEpoch };
    expect(two.generation).toBeGreaterThan(one.generation);
    expect(offsetsIn(await fetchOffsets(engine.client, group, orders, [0, 1], { by: two }))).toEqual([5, -1]);
    expect(await commit(one, 7)).toEqual([0]);

    // The first one gives up half, and is in the epoch of the second one.
    const kept = partitionsOf(await heartbeat(group, one.memberId, one.generation, owned));
    const moved = owned.filter((partition) => !kept.includes(partition));
    expect(kept.length + moved.length).toBe(40);
    const settled = await heartbeat(group, one.memberId, one.generation, kept);
    expect(settled.memberEpoch).toBe(two.generation);
    expect(await commit(one, 8)).toEqual([errorCode('STALE_MEMBER_EPOCH')]);
    expect(await commit({ ...one, generation: settled.memberEpoch }, 8)).toEqual([0]);
    const taken = partitionsOf(await heartbeat(group, two.memberId, two.generation, []));
    expect(taken).toEqual(moved);
  });

  it('a member that is at an old epoch may not read, nobody in particular may', async () => {
    const group = newGroup();
    const { memberEpoch } = await heartbeat(group, 'a-member-of-the-group', 0);
    const by = { memberId: 'a-member-of-the-group', generation: memberEpoch - 1 };
    const stale = `error ${errorCode('STALE_MEMBER_EPOCH')}`;
    expect(offsetsIn(await fetchOffsets(engine.client, group, orders, [0], { by }))).toEqual([stale]);
    expect(offsetsIn(await fetchOffsets(engine.client, group, orders, [0]))).toEqual([-1]);
  });
});

describe('several processes over one store', () => {
  it('a commit that one is slow to write comes to nothing once the new owner has read at another', async () => {
    const stores = emptyStores();
    let hold: ((key: string) => Promise<void>) | undefined;
    const { state } = stores;
    const slow = await startEngine({
      stores: {
        ...stores,
        state: {
          ...state,
          now: () => state.now(),
          put: async (item, condition, options) => {
            if (item.pk === 'offsets/moving') await hold?.(item.sk);
            return state.put(item, condition, options);
          },
        },
      },
    });
    const quick = await startEngine({ stores });
    const topic = await createTopic(quick.client, 'moving-topic');
    const old = new GroupMember(slow.client, 'moving');
    await old.enter();
    const next = new GroupMember(quick.client, 'moving');
    let seen: unknown;
    // The commit was checked and its put is about to leave: the group moves on, and the new owner asks where to begin.
    hold = async () => {
      hold = undefined;
      await old.leave();
      await next.enter();
      seen = offsetsIn(await fetchOffsets(quick.client, 'moving', topic, [0], { by: as(next) }));
    };
    expect(await commitOffsets(slow.client, 'moving', topic, { 0: 99 }, { by: as(old) })).toEqual([
      errorCode('UNKNOWN_MEMBER_ID'),
    ]);
    expect(seen).toEqual([-1]);
    expect(offsetsIn(await fetchOffsets(slow.client, 'moving', topic))).toEqual([-1]);
    expect(await commitOffsets(quick.client, 'moving', topic, { 0: 1 }, { by: as(next) })).toEqual([0]);
    expect(offsetsIn(await fetchOffsets(slow.client, 'moving', topic))).toEqual([1]);
  });
});
