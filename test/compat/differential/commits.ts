import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { type Family, UNKNOWN_ID } from './speaker.ts';

/** OffsetCommit, OffsetFetch and OffsetDelete. */
export const commits: Family = {
  name: 'commits',
  async run(speaker) {
    const id = await speaker.topic('com', 3);
    const groupId = 'committers';
    interface Part {
      readonly partitionIndex: number;
      readonly committedOffset: number;
      readonly committedLeaderEpoch?: number;
      readonly committedMetadata: string | null;
    }
    const part = (
      partitionIndex: number,
      committedOffset: number,
      committedMetadata: string | null = '',
      committedLeaderEpoch = -1,
    ): Part => ({
      partitionIndex,
      committedOffset,
      committedMetadata,
      committedLeaderEpoch,
    });
    const to = (name: string, topicId: string, ...partitions: Part[]) => ({ name, topicId, partitions });
    const com = (...parts: Part[]) => to('com', id, ...parts);
    interface Claim {
      readonly groupId?: string;
      readonly memberId?: string;
      readonly generationIdOrMemberEpoch?: number;
    }
    const commit = (what: string, topics: ReturnType<typeof to>[], claim: Claim = {}) =>
      speaker.every(what, ApiKey.OffsetCommit, () => ({ groupId, memberId: '', ...claim, topics }));
    await commit('an offset', [com(part(0, 5, 'meta', 0))]);
    await commit('null metadata', [com(part(1, 6, null))]);
    await commit('nothing', []);
    await commit('no partition', [com()]);
    await commit('offsets below 0', [com(part(0, -1), part(1, -2))]);
    await commit('partitions that are not there', [com(part(3, 1), part(-1, 1))]);
    await commit('an unknown topic', [to('no-such', UNKNOWN_ID, part(0, 1)), com(part(2, 9))]);
    await commit('zero id and empty name', [to('', ZERO_UUID, part(0, 1))]);
    await commit('a partition twice', [com(part(0, 7), part(0, 8))]);
    await commit('a topic twice', [com(part(0, 9)), com(part(0, 10), part(1, 11))]);
    await commit('long metadata', [com(part(0, 1, 'x'.repeat(4097)), part(1, 1, 'x'.repeat(4096)))]);
    await commit('of a stranger', [com(part(0, 1))], { memberId: 'm', generationIdOrMemberEpoch: 1 });
    await commit('of a stranger outside', [com(part(0, 1))], { memberId: 'm' });
    await commit('of a generation', [com(part(0, 1))], { generationIdOrMemberEpoch: 3 });
    await commit('of a generation to a new group', [com(part(0, 1))], {
      groupId: 'new-group',
      generationIdOrMemberEpoch: 3,
    });
    await commit('of generation -2', [com(part(0, 1))], { groupId: 'new-group', generationIdOrMemberEpoch: -2 });

    interface Asked {
      readonly name: string;
      readonly topicId: string;
      readonly partitionIndexes: readonly number[];
    }
    const ask = (name: string, topicId: string, ...partitionIndexes: number[]): Asked => ({
      name,
      topicId,
      partitionIndexes,
    });
    const fetchBody = (version: number, of: string, topics: readonly Asked[] | null) =>
      version >= 8
        ? { groups: [{ groupId: of, topics: topics?.map((one) => ({ ...one })) ?? null }] }
        : { groupId: of, topics: topics?.map(({ name, partitionIndexes }) => ({ name, partitionIndexes })) ?? null };
    const fetchOf = (what: string, topics: readonly Asked[] | null, of = groupId) =>
      speaker.every(what, ApiKey.OffsetFetch, (version) => fetchBody(version, of, topics), {
        from: topics === null ? 2 : 1,
      });
    await fetchOf('offsets', [ask('com', id, 0, 1, 2)]);
    await fetchOf('all', null);
    await fetchOf('none', []);
    await fetchOf('no partition', [ask('com', id)]);
    await fetchOf('what is not there', [ask('com', id, 3, -1), ask('no-such', UNKNOWN_ID, 0)]);
    await fetchOf('zero id and empty name', [ask('', ZERO_UUID, 0)]);
    await fetchOf('a partition twice', [ask('com', id, 0, 0)]);
    await fetchOf('a topic twice', [ask('com', id, 0), ask('com', id, 1)]);
    await fetchOf('of no group', [ask('com', id, 0)], 'no-such-group');
    await fetchOf('all of no group', null, 'no-such-group');
    const groups = (...names: string[]) => ({
      groups: names.map((one) => ({ groupId: one, topics: [ask('com', id, 0)] })),
    });
    await speaker.every('of two groups', ApiKey.OffsetFetch, () => groups(groupId, 'no-such-group'), { from: 8 });
    await speaker.every('of a group twice', ApiKey.OffsetFetch, () => groups(groupId, groupId), { from: 8 });
    await speaker.every('of no groups', ApiKey.OffsetFetch, () => ({ groups: [] }), { from: 8 });
    await speaker.every(
      'of a stranger',
      ApiKey.OffsetFetch,
      () => ({ groups: [{ groupId, memberId: 'm', memberEpoch: 3, topics: [ask('com', id, 0)] }] }),
      { from: 9 },
    );
    await speaker.every(
      'stable',
      ApiKey.OffsetFetch,
      (version) => ({ ...fetchBody(version, groupId, [ask('com', id, 0)]), requireStable: true }),
      { from: 7 },
    );

    const remove = (
      what: string,
      of: string,
      ...topics: { name: string; partitions: { partitionIndex: number }[] }[]
    ) => speaker.ask(what, ApiKey.OffsetDelete, 0, { groupId: of, topics });
    const named = (name: string, ...indexes: number[]) => ({
      name,
      partitions: indexes.map((partitionIndex) => ({ partitionIndex })),
    });
    await remove('deleted', groupId, named('com', 0));
    await remove('deleted again', groupId, named('com', 0));
    await remove('deleted twice', groupId, named('com', 1, 1), named('com', 1));
    await remove('deleted where nothing is', groupId, named('com', 3, -1), named('no-such', 0), named('', 0));
    await remove('nothing deleted', groupId);
    await remove('no partition deleted', groupId, named('com'));
    await remove('deleted of no group', 'no-such-group', named('com', 0));
    await remove('deleted of the empty group', '', named('com', 0));
    await fetchOf('what is left', [ask('com', id, 0, 1, 2)]);
    await fetchOf('all that is left', null);
  },
};
