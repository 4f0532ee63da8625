import { beforeAll, describe, expect, it } from 'vitest';
import { SERVED } from '../../lib/broker/served.ts';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { joining } from '../support/consumer-member.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { GROUP_APIS } from '../support/group-apis.ts';
import { GroupMember, offer } from '../support/group-member.ts';
import { commitOffsets, fetchOffsets } from '../support/offset-requests.ts';
import { createTopic, type TopicName } from '../support/requests.ts';

let engine: Engine;
let topic: TopicName;

beforeAll(async () => {
  engine = await startEngine();
  topic = await createTopic(engine.client, 'read-by-groups', { partitions: 2 });
});

const TESTED = new Set<ApiKey>();

/** Runs a test for each version that is answered, with a group id of its own. */
function everyVersion(key: ApiKey, name: string, test: (version: number, groupId: string) => Promise<void>): void {
  TESTED.add(key);
  const { min, max } = SERVED.get(key)!;
  const versions = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  it.each(versions)(`${name} v%i`, (version) => test(version, `${name}-${version}`));
}

/** A group with one member. */
async function stableGroup(groupId: string): Promise<GroupMember> {
  const member = new GroupMember(engine.client, groupId);
  const { synced } = await member.enter();
  expect(synced.errorCode).toBe(0);
  return member;
}

describe('a request of every version gets its answer', () => {
  everyVersion(ApiKey.JoinGroup, 'JoinGroup', async (version, groupId) => {
    const join = (memberId: string) =>
      engine.client.ask(ApiKey.JoinGroup, version, {
        groupId,
        sessionTimeoutMs: 10_000,
        ...(version >= 1 ? { rebalanceTimeoutMs: 20_000 } : {}),
        memberId,
        ...(version >= 5 ? { groupInstanceId: null } : {}),
        protocolType: 'consumer',
        protocols: [offer('range')],
        ...(version >= 8 ? { reason: 'none in particular' } : {}),
      });
    let answer = await join('');
    if (version >= 4) {
      expect(answer).toMatchObject({
        errorCode: errorCode('MEMBER_ID_REQUIRED'),
        generationId: -1,
        leader: '',
        members: [],
      });
      expect(answer.protocolName).toBe(version >= 7 ? null : '');
      answer = await join(answer.memberId);
    }
    const { memberId } = answer;
    expect(memberId).toMatch(/^test-.{22}$/);
    expect(answer).toMatchObject({
      errorCode: 0,
      generationId: 1,
      protocolType: version >= 7 ? 'consumer' : null,
      protocolName: 'range',
      leader: memberId,
      skipAssignment: false,
      members: [{ memberId, groupInstanceId: null, metadata: Buffer.from('metadata of range') }],
    });
  });

  everyVersion(ApiKey.SyncGroup, 'SyncGroup', async (version, groupId) => {
    const member = new GroupMember(engine.client, groupId);
    await member.join();
    const answer = await engine.client.ask(ApiKey.SyncGroup, version, {
      groupId,
      generationId: 1,
      memberId: member.memberId,
      ...(version >= 3 ? { groupInstanceId: null } : {}),
      ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}),
      assignments: [{ memberId: member.memberId, assignment: Buffer.from('everything') }],
    });
    expect(answer).toMatchObject({
      errorCode: 0,
      protocolType: version >= 5 ? 'consumer' : null,
      protocolName: version >= 5 ? 'range' : null,
      assignment: Buffer.from('everything'),
    });
  });

  everyVersion(ApiKey.Heartbeat, 'Heartbeat', async (version, groupId) => {
    const { memberId, generation } = await stableGroup(groupId);
    const heartbeat = (generationId: number) =>
      engine.client.ask(ApiKey.Heartbeat, version, {
        groupId,
        generationId,
        memberId,
        ...(version >= 3 ? { groupInstanceId: null } : {}),
      });
    expect((await heartbeat(generation)).errorCode).toBe(0);
    expect((await heartbeat(generation + 1)).errorCode).toBe(errorCode('ILLEGAL_GENERATION'));
  });

  everyVersion(ApiKey.LeaveGroup, 'LeaveGroup', async (version, groupId) => {
    const { memberId } = await stableGroup(groupId);
    const leave = (leaving: string) =>
      engine.client.ask(ApiKey.LeaveGroup, version, {
        groupId,
        ...(version >= 3
          ? { members: [{ memberId: leaving, groupInstanceId: null, ...(version >= 5 ? { reason: 'done' } : {}) }] }
          : { memberId: leaving }),
      });
    const unknown = errorCode('UNKNOWN_MEMBER_ID');
    const expected = (leaving: string, code: number) =>
      version >= 3
        ? { errorCode: 0, members: [{ memberId: leaving, groupInstanceId: null, errorCode: code }] }
        : { errorCode: code };
    expect(await leave('somebody')).toMatchObject(expected('somebody', unknown));
    expect(await leave(memberId)).toMatchObject(expected(memberId, 0));
    expect(await leave(memberId)).toMatchObject(expected(memberId, unknown));
  });

  everyVersion(ApiKey.DescribeGroups, 'DescribeGroups', async (version, groupId) => {
    const { memberId } = await stableGroup(groupId);
    const { groups } = await engine.client.ask(ApiKey.DescribeGroups, version, {
      groups: [groupId, 'not-there', ''],
      ...(version >= 3 ? { includeAuthorizedOperations: true } : {}),
    });
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupId,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        {
          memberId,
          groupInstanceId: null,
          clientId: 'test',
          clientHost: '/127.0.0.1',
          memberMetadata: Buffer.from('metadata of range'),
          memberAssignment: Buffer.from(memberId),
        },
      ],
      // READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS, as bits.
      authorizedOperations: version >= 3 ? 0b1101_0100_1000 : -2147483648,
    });
    const code = version >= 6 ? errorCode('GROUP_ID_NOT_FOUND') : 0;
    const message = version >= 6 ? 'Group not-there not found.' : null;
    expect(groups[1]).toMatchObject({ errorCode: code, errorMessage: message, groupState: 'Dead', members: [] });
    expect(groups[2]).toMatchObject({ errorCode: code, groupId: '', groupState: 'Dead' });
  });

  everyVersion(ApiKey.ListGroups, 'ListGroups', async (version, groupId) => {
    await stableGroup(groupId);
    const list = async (statesFilter: string[], typesFilter: string[]) => {
      const { errorCode: code, groups } = await engine.client.ask(ApiKey.ListGroups, version, {
        ...(version >= 4 ? { statesFilter } : {}),
        ...(version >= 5 ? { typesFilter } : {}),
      });
      expect(code).toBe(0);
      return groups.filter((one) => one.groupId === groupId);
    };
    const expected = {
      groupId,
      protocolType: 'consumer',
      groupState: version >= 4 ? 'Stable' : '',
      groupType: version >= 5 ? 'classic' : '',
    };
    expect(await list([], [])).toMatchObject([expected]);
    if (version >= 4) {
      expect(await list(['stable', 'EMPTY'], [])).toHaveLength(1);
      expect(await list(['Empty', 'Dead', 'NoSuchState'], [])).toEqual([]);
    }
    if (version >= 5) {
      expect(await list([], ['CLASSIC'])).toHaveLength(1);
      expect(await list([], ['consumer', 'no-such-type'])).toEqual([]);
    }
  });

  everyVersion(ApiKey.DeleteGroups, 'DeleteGroups', async (version, groupId) => {
    const member = await stableGroup(groupId);
    const remove = () => engine.client.ask(ApiKey.DeleteGroups, version, { groupsNames: [groupId] });
    expect((await remove()).results).toEqual([{ groupId, errorCode: errorCode('NON_EMPTY_GROUP') }]);
    await member.leave();
    expect((await remove()).results).toEqual([{ groupId, errorCode: 0 }]);
    expect((await remove()).results).toEqual([{ groupId, errorCode: errorCode('GROUP_ID_NOT_FOUND') }]);
  });

  everyVersion(ApiKey.OffsetCommit, 'OffsetCommit', async (version, groupId) => {
    const by = await stableGroup(groupId);
    expect(await commitOffsets(engine.client, groupId, topic, { 0: 7, 1: 9 }, { version, by })).toEqual([0, 0]);
    const [fetched] = (await fetchOffsets(engine.client, groupId, topic, [0, 1])).topics;
    expect(fetched!.partitions.map((one) => one.committedOffset)).toEqual([7, 9]);
  });

  everyVersion(ApiKey.OffsetFetch, 'OffsetFetch', async (version, groupId) => {
    await commitOffsets(engine.client, groupId, topic, { 1: 5 });
    const { errorCode: code, topics } = await fetchOffsets(engine.client, groupId, topic, [0, 1], { version });
    expect([code, topics[0]!.partitions.map((one) => one.committedOffset)]).toEqual([0, [-1, 5]]);
  });

  everyVersion(ApiKey.OffsetDelete, 'OffsetDelete', async (version, groupId) => {
    await commitOffsets(engine.client, groupId, topic, { 0: 5 });
    const { errorCode: code, topics } = await engine.client.ask(ApiKey.OffsetDelete, version, {
      groupId,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0 }] }],
    });
    expect([code, topics]).toEqual([0, [{ name: topic.name, partitions: [{ partitionIndex: 0, errorCode: 0 }] }]]);
    const [fetched] = (await fetchOffsets(engine.client, groupId, topic, [0])).topics;
    expect(fetched!.partitions[0]!.committedOffset).toBe(-1);
  });

  everyVersion(ApiKey.ConsumerGroupHeartbeat, 'ConsumerGroupHeartbeat', async (version, groupId) => {
    const { subscribedTopicRegex: _, ...join } = joining(groupId, `member-${version}`, [topic.name]);
    const answer = await engine.client.ask(ApiKey.ConsumerGroupHeartbeat, version, join);
    expect(answer).toMatchObject({ errorCode: 0, memberId: `member-${version}`, memberEpoch: 1 });
  });

  everyVersion(ApiKey.ConsumerGroupDescribe, 'ConsumerGroupDescribe', async (version, groupId) => {
    await engine.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, joining(groupId, 'member', [topic.name]));
    const { groups } = await engine.client.ask(ApiKey.ConsumerGroupDescribe, version, {
      groupIds: [groupId],
      includeAuthorizedOperations: false,
    });
    const member = { memberId: 'member', subscribedTopicNames: [topic.name], memberType: version >= 1 ? 1 : -1 };
    expect(groups).toMatchObject([{ errorCode: 0, groupId, members: [member] }]);
  });

  it('leaves no API of groups out', () => {
    expect([...TESTED].sort()).toEqual([...GROUP_APIS].sort());
  });
});
