import { beforeAll, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { GROUP_ID_BYTES_MAX } from '../../lib/storage/items/group-keys.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { describeGroup, GroupMember, type MemberOptions, offer } from '../support/group-member.ts';

let engine: Engine;
let groups = 0;

beforeAll(async () => {
  engine = await startEngine({ settings: { 'group.max.size': '3', 'group.initial.rebalance.delay.ms': '50' } });
});

const newGroup = () => `group-${groups++}`;
const newMember = (groupId = newGroup(), options: MemberOptions = {}) =>
  new GroupMember(engine.client, groupId, options);

async function stableMember(groupId = newGroup(), options: MemberOptions = {}): Promise<GroupMember> {
  const member = newMember(groupId, options);
  const { synced } = await member.enter();
  expect(synced.errorCode).toBe(0);
  return member;
}

/** Somebody who says to be that member. */
function like(
  member: GroupMember,
  claim: { memberId?: string; generation?: number; instanceId?: string } = {},
): GroupMember {
  const { instanceId } = claim;
  const other = newMember(member.groupId, { ...member.options, ...(instanceId === undefined ? {} : { instanceId }) });
  other.memberId = claim.memberId ?? member.memberId;
  other.generation = claim.generation ?? member.generation;
  return other;
}

/** What each request of the classic protocol gets, by its top error or that of its one member. */
async function everyRequest(member: GroupMember): Promise<Record<string, number>> {
  return {
    heartbeat: await member.heartbeat(),
    sync: (await member.sync()).errorCode,
    leave: await member.leave(),
  };
}

const all = (error: ErrorName) => ({ heartbeat: errorCode(error), sync: errorCode(error), leave: errorCode(error) });

describe('what is refused', () => {
  it('an empty group id, and one that no item can have', async () => {
    for (const groupId of ['', 'x'.repeat(GROUP_ID_BYTES_MAX + 1), 'é'.repeat(GROUP_ID_BYTES_MAX / 2 + 1)]) {
      const member = newMember(groupId);
      expect((await member.join()).errorCode).toBe(errorCode('INVALID_GROUP_ID'));
      expect(await everyRequest(member)).toEqual(all('INVALID_GROUP_ID'));
      const { results } = await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: [groupId] });
      expect(results).toEqual([{ groupId, errorCode: errorCode('GROUP_ID_NOT_FOUND') }]);
    }
    expect((await newMember('é'.repeat(GROUP_ID_BYTES_MAX / 2)).join()).errorCode).toBe(0);
  });

  it('a session that is too short or too long', async () => {
    for (const [sessionTimeoutMs, error] of [
      [5_999, 'INVALID_SESSION_TIMEOUT'],
      [1_800_001, 'INVALID_SESSION_TIMEOUT'],
      [-1, 'INVALID_SESSION_TIMEOUT'],
      [6_000, 'NONE'],
      [1_800_000, 'NONE'],
    ] as const) {
      expect((await newMember(newGroup(), { sessionTimeoutMs }).join()).errorCode).toBe(errorCode(error));
    }
  });

  it('a group that is not there', async () => {
    const member = newMember();
    member.memberId = 'somebody';
    member.generation = 1;
    expect((await member.joinOnce()).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'));
    expect(await everyRequest(member)).toEqual(all('UNKNOWN_MEMBER_ID'));
  });

  it('a member that is not one', async () => {
    const member = await stableMember();
    for (const memberId of ['somebody', '', member.memberId.slice(0, -1), '\0', 'x'.repeat(30_000)]) {
      const stranger = like(member, { memberId });
      if (memberId !== '') expect((await stranger.joinOnce()).errorCode).toBe(errorCode('UNKNOWN_MEMBER_ID'));
      expect(await everyRequest(like(member, { memberId }))).toEqual(all('UNKNOWN_MEMBER_ID'));
    }
    expect(await member.heartbeat()).toBe(0);
  });

  it('another generation', async () => {
    const member = await stableMember();
    for (const generation of [member.generation - 1, member.generation + 1, -1, 2 ** 31 - 1]) {
      const other = like(member, { generation });
      expect(await other.heartbeat()).toBe(errorCode('ILLEGAL_GENERATION'));
      expect((await other.sync({ [member.memberId]: 'stolen' })).errorCode).toBe(errorCode('ILLEGAL_GENERATION'));
    }
    expect(String((await member.sync()).assignment)).toBe(member.memberId);
  });

  it('another instance id, or none of a member', async () => {
    const member = await stableMember(newGroup(), { instanceId: 'one' });
    expect(await everyRequest(like(member, { instanceId: 'two' }))).toEqual(all('UNKNOWN_MEMBER_ID'));
    const fenced = all('FENCED_INSTANCE_ID');
    expect(await everyRequest(like(member, { memberId: 'one-of-long-ago' }))).toEqual(fenced);
    expect((await like(member, { memberId: 'one-of-long-ago' }).joinOnce()).errorCode).toBe(fenced.sync);
  });

  it('protocols that the others do not have, other protocol types, and none at all', async () => {
    const { groupId } = await stableMember();
    const wrong: MemberOptions[] = [
      { protocols: [offer('sticky')] },
      { protocolType: 'connect' },
      { protocols: [] },
      { protocolType: '' },
    ];
    for (const options of wrong) {
      expect((await newMember(groupId, options).join()).errorCode).toBe(errorCode('INCONSISTENT_GROUP_PROTOCOL'));
    }
    for (const options of wrong.slice(2)) {
      expect((await newMember(newGroup(), options).join()).errorCode).toBe(errorCode('INCONSISTENT_GROUP_PROTOCOL'));
    }
  });

  it('a sync that names another protocol, or none', async () => {
    const member = await stableMember();
    const inconsistent = errorCode('INCONSISTENT_GROUP_PROTOCOL');
    expect((await member.sync({}, 'sticky')).errorCode).toBe(inconsistent);
    const { errorCode: code } = await engine.client.ask(ApiKey.SyncGroup, 5, {
      groupId: member.groupId,
      generationId: member.generation,
      memberId: member.memberId,
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: [],
    });
    expect(code).toBe(inconsistent);
  });

  it('a member beyond group.max.size', async () => {
    const groupId = newGroup();
    const members = Array.from({ length: 3 }, () => newMember(groupId));
    for (const member of members) await member.joinOnce();
    const joined = await Promise.all(members.map((member) => member.joinOnce()));
    expect(joined.map((one) => one.errorCode)).toEqual([0, 0, 0]);
    expect((await newMember(groupId).join()).errorCode).toBe(errorCode('GROUP_MAX_SIZE_REACHED'));
  });

  it('the leader of yesterday, who does not know that it was replaced', async () => {
    const former = await stableMember(newGroup(), { instanceId: 'i' });
    const successor = newMember(former.groupId, { instanceId: 'i' });
    const joined = await successor.join();
    expect(joined).toMatchObject({ errorCode: 0, generationId: 1, skipAssignment: true, leader: successor.memberId });
    expect(joined.members.map(({ memberId }) => memberId)).toEqual([successor.memberId]);
    expect(await everyRequest(former)).toEqual(all('FENCED_INSTANCE_ID'));
    // It has what its former self had, without a rebalance.
    expect(String((await successor.sync()).assignment)).toBe(former.memberId);
    expect(await successor.heartbeat()).toBe(0);
  });
});

describe('odd requests', () => {
  it('leave one by one: those that may leave do, the others are told why not', async () => {
    const groupId = newGroup();
    const [one, two] = [newMember(groupId, { instanceId: 'one' }), newMember(groupId, { instanceId: 'two' })];
    await Promise.all([one.join(), two.join()]);
    const leave = (members: { memberId: string; groupInstanceId: string | null }[]) =>
      engine.client.ask(ApiKey.LeaveGroup, 5, {
        groupId,
        members: members.map((member) => ({ ...member, reason: null })),
      });
    const { members } = await leave([
      { memberId: 'somebody', groupInstanceId: null },
      { memberId: '', groupInstanceId: 'three' },
      { memberId: 'other', groupInstanceId: 'one' },
      { memberId: '', groupInstanceId: 'one' },
      { memberId: '', groupInstanceId: 'one' },
    ]);
    const [unknown, fenced] = [errorCode('UNKNOWN_MEMBER_ID'), errorCode('FENCED_INSTANCE_ID')];
    expect(members.map((member) => member.errorCode)).toEqual([unknown, unknown, fenced, 0, unknown]);
    const left = (await describeGroup(engine.client, groupId)).members;
    expect(left.map(({ groupInstanceId }) => groupInstanceId)).toEqual(['two']);
    expect((await leave([])).members).toEqual([]);
  });

  it('take ids and metadata of any characters', async () => {
    const groupId = 'gruppe/ä 漢\u0001../%2f';
    const member = await stableMember(groupId, {
      instanceId: 'i/\u{1f600} \0',
      protocols: [{ name: 'ä\0', metadata: Buffer.alloc(0) }],
    });
    expect(await describeGroup(engine.client, groupId)).toMatchObject({
      groupId,
      groupState: 'Stable',
      protocolData: 'ä\0',
      members: [{ memberId: member.memberId, groupInstanceId: 'i/\u{1f600} \0', memberMetadata: Buffer.alloc(0) }],
    });
    const { groups: listed } = await engine.client.ask(ApiKey.ListGroups, 5, { statesFilter: [], typesFilter: [] });
    expect(listed.map((one) => one.groupId)).toContain(groupId);
  });

  it('end when their client is gone; its place ends with its session', async () => {
    const member = await stableMember();
    const gone = new AbortController();
    const other = new GroupMember(engine.clientUntil(gone.signal), member.groupId);
    await other.joinOnce();
    const joining = other.joinOnce();
    await expect.poll(() => member.heartbeat()).toBe(errorCode('REBALANCE_IN_PROGRESS'));
    gone.abort();
    expect((await joining).errorCode).toBe(errorCode('COORDINATOR_NOT_AVAILABLE'));
    expect((await describeGroup(engine.client, member.groupId)).members).toHaveLength(2);
  });

  it('meet a group of a newer program: an error, and nothing is overwritten', async () => {
    const stores = emptyStores();
    const own = await startEngine({ stores });
    const member = new GroupMember(own.client, 'newer');
    await member.enter();
    const head = stores.contents().state.find(({ pk, sk }) => pk === 'group/newer' && sk === 'group')!;
    const text = head.body.toString('utf8', 1).replace('"type":"classic"', '"type":"streams"');
    const newer = {
      ...head,
      version: head.version + 1,
      body: Buffer.concat([head.body.subarray(0, 1), Buffer.from(text)]),
    };
    await stores.state.put(newer, { kind: 'version', version: head.version });
    expect(await member.heartbeat()).toBe(errorCode('UNKNOWN_SERVER_ERROR'));
    expect((await member.join()).errorCode).toBe(errorCode('UNKNOWN_SERVER_ERROR'));
    expect(own.lines).toContainEqual(
      expect.objectContaining({
        event: 'group_request_failed',
        message: 'group type streams is unknown to this program',
      }),
    );
    expect(stores.contents().state.find(({ pk, sk }) => pk === 'group/newer' && sk === 'group')).toEqual(newer);
  });
});
