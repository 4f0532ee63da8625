import { beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { describeGroup, GroupMember, offer } from '../support/group-member.ts';

let engine: Engine;
let groups = 0;

beforeAll(async () => {
  engine = await startEngine();
});

const newGroup = () => `group-${groups++}`;

describe('a classic group', () => {
  it('gives a single member its assignment', async () => {
    const member = new GroupMember(engine.client, newGroup());
    const { joined, synced } = await member.enter();
    expect(joined).toMatchObject({
      errorCode: 0,
      generationId: 1,
      protocolType: 'consumer',
      protocolName: 'range',
      leader: member.memberId,
      members: [{ memberId: member.memberId, groupInstanceId: null, metadata: Buffer.from('metadata of range') }],
    });
    expect(synced).toMatchObject({ errorCode: 0, protocolType: 'consumer', protocolName: 'range' });
    expect(String(synced.assignment)).toBe(member.memberId);
    expect(await member.heartbeat()).toBe(0);
  });

  it('shares out among two, and goes on with one that is left', async () => {
    const [first, second] = [0, 1].map(() => new GroupMember(engine.client, 'shared')) as [GroupMember, GroupMember];
    await first.enter();
    const entering = second.enter();
    await expect.poll(() => first.heartbeat()).toBe(errorCode('REBALANCE_IN_PROGRESS'));
    const [again, entered] = await Promise.all([first.enter(), entering]);
    expect([again.joined.generationId, entered.joined.generationId]).toEqual([2, 2]);
    expect(again.joined.members.map((one) => one.memberId).sort()).toEqual([first.memberId, second.memberId].sort());
    expect(entered.joined.members).toEqual([]);
    expect(String(entered.synced.assignment)).toBe(second.memberId);
    expect(await second.leave()).toBe(0);
    expect(await first.heartbeat()).toBe(errorCode('REBALANCE_IN_PROGRESS'));
    const last = await first.enter();
    expect(last.joined).toMatchObject({ generationId: 3, members: [{ memberId: first.memberId }] });
    expect(await describeGroup(engine.client, 'shared')).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [{ memberId: first.memberId, memberAssignment: Buffer.from(first.memberId) }],
    });
  });

  it('takes any protocol type and payload', async () => {
    const options = {
      protocolType: 'connect',
      protocols: [offer('sessioned', '\0\u0001 binary'), offer('compatible')],
    };
    const member = new GroupMember(engine.client, newGroup(), options);
    const { joined } = await member.enter();
    expect(joined).toMatchObject({ errorCode: 0, protocolType: 'connect', protocolName: 'sessioned' });
  });
});

describe('deleting and listing', () => {
  it('deletes a group without members, and not one with some', async () => {
    const groupId = newGroup();
    const member = new GroupMember(engine.client, groupId);
    await member.enter();
    const remove = async () => {
      const { results } = await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: [groupId, 'nowhere'] });
      return results.map((one) => one.errorCode);
    };
    expect(await remove()).toEqual([errorCode('NON_EMPTY_GROUP'), errorCode('GROUP_ID_NOT_FOUND')]);
    await member.leave();
    expect(await remove()).toEqual([0, errorCode('GROUP_ID_NOT_FOUND')]);
    expect(await describeGroup(engine.client, groupId)).toMatchObject({
      errorCode: errorCode('GROUP_ID_NOT_FOUND'),
      groupState: 'Dead',
    });
    const { groups: listed } = await engine.client.ask(ApiKey.ListGroups, 5, { statesFilter: [], typesFilter: [] });
    expect(listed.map((one) => one.groupId)).not.toContain(groupId);
  });
});
