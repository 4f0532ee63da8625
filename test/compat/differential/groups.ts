import { ApiKey } from '../../../lib/wire/apis.ts';
import { ConsumerProtocolSubscription, encodeConsumerProtocol } from '../../../lib/wire/messages/consumer-protocol.ts';
import type { Family, Speaker } from './speaker.ts';

const SUBSCRIPTION = encodeConsumerProtocol(ConsumerProtocolSubscription, 1, { topics: ['grouped'] });

interface Join {
  readonly memberId?: string;
  readonly groupInstanceId?: string | null;
  readonly sessionTimeoutMs?: number;
  readonly protocolType?: string;
  readonly protocols?: readonly { readonly name: string; readonly metadata: Buffer }[];
}

function joinBody(version: number, groupId: string, join: Join = {}) {
  return {
    groupId,
    sessionTimeoutMs: 30_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 10_000 } : {}),
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
    ...join,
  };
}

/** JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, ListGroups and DeleteGroups of classic groups. */
export const classicGroups: Family = {
  name: 'classic',
  async run(speaker) {
    await speaker.topic('grouped', 2);
    for (let version = 0; version <= 9; version++) await life(speaker, version);
    await strangers(speaker);
    await staticMembers(speaker);
    await deletions(speaker);
  },
};

/** A group of one member from its first join to its deletion, in one version of JoinGroup and the like of the others. */
async function life(speaker: Speaker, version: number): Promise<void> {
  const groupId = `life-${version}`;
  const of = (max: number) => Math.min(version, max);
  const join = (what: string, more: Join = {}) =>
    speaker.ask(`${what} (${groupId})`, ApiKey.JoinGroup, version, joinBody(version, groupId, more));
  const first = await join('join');
  const memberId = first!.memberId;
  const joined = version >= 4 ? await join('join with the id', { memberId }) : first;
  const generationId = joined!.generationId;
  const named = { protocolType: 'consumer', protocolName: 'range' };
  const sync = (
    what: string,
    more: { generationId?: number; memberId?: string; protocolName?: string | null; protocolType?: string | null } = {},
  ) =>
    speaker.ask(`${what} (${groupId})`, ApiKey.SyncGroup, of(5), {
      groupId,
      generationId,
      memberId,
      ...(version >= 5 ? named : {}),
      assignments: [{ memberId, assignment: Buffer.from('mine') }],
      ...more,
    });
  const beat = (what: string, more: { generationId?: number; memberId?: string } = {}) =>
    speaker.ask(`${what} (${groupId})`, ApiKey.Heartbeat, of(4), { groupId, generationId, memberId, ...more });
  const described = (what: string) =>
    speaker.ask(`${what} (${groupId})`, ApiKey.DescribeGroups, of(6), { groups: [groupId] });
  await beat('heartbeat before the sync');
  await described('before the sync');
  await sync('sync in a later generation', { generationId: generationId + 1 });
  await sync('sync of a stranger', { memberId: 'stranger' });
  if (version >= 5) {
    await sync('sync of another protocol', { protocolName: 'other' });
    await sync('sync of another type', { protocolType: 'other' });
    await sync('sync of no protocol', { protocolName: null });
  }
  await sync('sync');
  await sync('sync again');
  await beat('heartbeat');
  await beat('heartbeat of a later generation', { generationId: generationId + 1 });
  await beat('heartbeat of generation -1', { generationId: -1 });
  await beat('heartbeat of a stranger', { memberId: 'stranger' });
  await beat('heartbeat of nobody', { memberId: '' });
  await described('stable');
  await join('join of another type', { protocolType: 'other' });
  await join('join with no protocol in common', { protocols: [{ name: 'other', metadata: SUBSCRIPTION }] });
  await join('join of a stranger', { memberId: 'stranger' });
  await speaker.ask(`deleted while in use (${groupId})`, ApiKey.DeleteGroups, of(2), { groupsNames: [groupId] });
  const leave = (what: string, ...members: string[]) =>
    speaker.ask(
      `${what} (${groupId})`,
      ApiKey.LeaveGroup,
      of(5),
      of(5) >= 3 ? { groupId, members: members.map((one) => ({ memberId: one })) } : { groupId, memberId: members[0]! },
    );
  await leave('leave of a stranger', 'stranger');
  await leave('leave of nobody', '');
  await leave('leave', memberId, memberId);
  await leave('leave again', memberId);
  await beat('heartbeat after it left');
  await sync('sync after it left');
  await described('empty');
  await speaker.ask(`deleted (${groupId})`, ApiKey.DeleteGroups, of(2), { groupsNames: [groupId] });
  await described('gone');
}

async function strangers(speaker: Speaker): Promise<void> {
  const every = speaker.every.bind(speaker);
  const nobody = { generationId: 1, memberId: 'm' };
  for (const groupId of ['', 'no-such-group']) {
    const name = groupId === '' ? 'the empty group' : 'no group';
    await every(`${name}: heartbeat`, ApiKey.Heartbeat, () => ({ groupId, ...nobody }));
    await every(`${name}: sync`, ApiKey.SyncGroup, (version) => ({
      groupId,
      ...nobody,
      ...(version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}),
      assignments: [],
    }));
    await every(`${name}: leave`, ApiKey.LeaveGroup, (version) =>
      version >= 3 ? { groupId, members: [{ memberId: 'm' }] } : { groupId, memberId: 'm' },
    );
    await every(`${name}: described`, ApiKey.DescribeGroups, () => ({ groups: [groupId] }));
    await every(`${name}: deleted`, ApiKey.DeleteGroups, () => ({ groupsNames: [groupId] }));
    await every(`${name}: join of a stranger`, ApiKey.JoinGroup, (version) =>
      joinBody(version, groupId, { memberId: 'm' }),
    );
  }
  await every('the empty group: join', ApiKey.JoinGroup, (version) => joinBody(version, ''));
  await every('leave of nobody at all', ApiKey.LeaveGroup, () => ({ groupId: 'no-such-group', members: [] }), {
    from: 3,
  });
  for (const sessionTimeoutMs of [0, -1, 5_999, 1_800_001]) {
    await every(`session of ${sessionTimeoutMs}`, ApiKey.JoinGroup, (version) =>
      joinBody(version, 'sessions', { sessionTimeoutMs }),
    );
  }
  await every('no protocol', ApiKey.JoinGroup, (version) => joinBody(version, 'unprotocolled', { protocols: [] }));
  await every('no protocol type', ApiKey.JoinGroup, (version) => joinBody(version, 'untyped', { protocolType: '' }));
  await every('described twice', ApiKey.DescribeGroups, () => ({ groups: ['no-such-group', 'no-such-group', ''] }));
  await every('none described', ApiKey.DescribeGroups, () => ({ groups: [] }));
  await every('listed', ApiKey.ListGroups, () => ({}));
  await every('listed by state', ApiKey.ListGroups, () => ({ statesFilter: ['Stable', 'eMPTY', 'nonsense'] }), {
    from: 4,
  });
  await every('listed by type', ApiKey.ListGroups, () => ({ typesFilter: ['CLASSIC', 'nonsense'] }), { from: 5 });
  await every('listed by nonsense', ApiKey.ListGroups, () => ({ statesFilter: ['nonsense'] }), { from: 4 });
}

async function staticMembers(speaker: Speaker): Promise<void> {
  const groupId = 'static';
  const join = (what: string, more: Join) => speaker.ask(what, ApiKey.JoinGroup, 7, joinBody(7, groupId, more));
  const first = await join('static: join', { groupInstanceId: 'i' });
  const before = first!.memberId;
  const sync = (what: string, memberId: string, groupInstanceId: string | null) =>
    speaker.ask(what, ApiKey.SyncGroup, 5, {
      groupId,
      generationId: 1,
      memberId,
      groupInstanceId,
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [{ memberId, assignment: Buffer.from('mine') }],
    });
  await sync('static: sync', before, 'i');
  const second = await join('static: join again', { groupInstanceId: 'i' });
  const now = second!.memberId;
  const beat = (what: string, memberId: string, groupInstanceId: string | null) =>
    speaker.ask(what, ApiKey.Heartbeat, 4, { groupId, generationId: 1, memberId, groupInstanceId });
  await beat('static: heartbeat', now, 'i');
  await beat('static: heartbeat of the one before', before, 'i');
  await beat('static: heartbeat of another instance', now, 'j');
  await beat('static: heartbeat without an instance', now, null);
  await sync('static: sync of the one before', before, 'i');
  await join('static: join of the one before', { memberId: before, groupInstanceId: 'i' });
  await join('static: empty instance', { groupInstanceId: '' });
  await speaker.ask('static: described', ApiKey.DescribeGroups, 6, { groups: [groupId] });
  const leave = (what: string, ...members: { memberId: string; groupInstanceId: string | null }[]) =>
    speaker.ask(what, ApiKey.LeaveGroup, 5, { groupId, members });
  await leave('static: leave of the one before', { memberId: before, groupInstanceId: 'i' });
  await leave('static: leave of another', { memberId: '', groupInstanceId: 'j' });
  await leave('static: leave twice', { memberId: '', groupInstanceId: 'i' }, { memberId: now, groupInstanceId: 'i' });
}

async function deletions(speaker: Speaker): Promise<void> {
  const every = speaker.every.bind(speaker);
  await every('deleted twice', ApiKey.DeleteGroups, () => ({ groupsNames: ['no-such-group', 'no-such-group'] }));
  await every('none deleted', ApiKey.DeleteGroups, () => ({ groupsNames: [] }));
  for (let version = 0; version <= 2; version++) {
    const groupId = `del-${version}`;
    await speaker.prepare(ApiKey.OffsetCommit, 7, {
      groupId,
      memberId: '',
      topics: [{ name: 'grouped', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] }],
    });
    await speaker.ask('deleted three times', ApiKey.DeleteGroups, version, {
      groupsNames: [groupId, 'no-such-group', groupId, groupId],
    });
    await speaker.ask('what is deleted', ApiKey.DescribeGroups, version, { groups: [groupId] });
  }
}
