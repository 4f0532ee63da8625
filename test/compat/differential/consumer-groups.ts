import { ApiKey } from '../../../lib/wire/apis.ts';
import type { Family } from './speaker.ts';

interface Beat {
  readonly groupId?: string;
  readonly memberId?: string;
  readonly memberEpoch?: number;
  readonly instanceId?: string | null;
  readonly rackId?: string | null;
  readonly rebalanceTimeoutMs?: number;
  readonly subscribedTopicNames?: readonly string[] | null;
  readonly subscribedTopicRegex?: string | null;
  readonly serverAssignor?: string | null;
  readonly topicPartitions?: readonly { readonly topicId: string; readonly partitions: readonly number[] }[] | null;
}

/** ConsumerGroupHeartbeat and ConsumerGroupDescribe. */
export const consumerGroups: Family = {
  name: 'consumer',
  async run(speaker) {
    const id = await speaker.topic('cons', 2);
    const member = 'bWVtYmVyLW9mLXRlc3QtMQ';
    const joining: Beat = {
      memberEpoch: 0,
      rebalanceTimeoutMs: 10_000,
      subscribedTopicNames: ['cons'],
      topicPartitions: [],
    };
    const beat = (what: string, version: number, groupId: string, more: Beat) =>
      speaker.ask(what, ApiKey.ConsumerGroupHeartbeat, version, { groupId, memberId: member, memberEpoch: 0, ...more });
    for (const version of [0, 1]) {
      const groupId = `cg-${version}`;
      const of = (what: string, more: Beat) => beat(what, version, groupId, more);
      await of('empty group', { ...joining, groupId: '' });
      await of('no topics', { ...joining, subscribedTopicNames: null });
      await of('empty topics', { ...joining, subscribedTopicNames: [], groupId: `cge-${version}` });
      await of('no partitions given', { ...joining, topicPartitions: null });
      await of('partitions given', { ...joining, topicPartitions: [{ topicId: id, partitions: [0] }] });
      await of('no time-out', { ...joining, rebalanceTimeoutMs: -1 });
      await of('time-out 0', { ...joining, rebalanceTimeoutMs: 0 });
      await of('unknown assignor', { ...joining, serverAssignor: 'x' });
      await of('empty assignor', { ...joining, serverAssignor: '' });
      await of('empty instance', { ...joining, instanceId: '' });
      await of('empty rack', { ...joining, rackId: '' });
      await of('epoch -3', { ...joining, memberEpoch: -3 });
      await of('epoch -2 without an instance', { ...joining, memberEpoch: -2 });
      await of('epoch 5 of a stranger', { memberEpoch: 5 });
      await of('leave of a stranger', { memberEpoch: -1 });
      await of('empty member', { ...joining, memberId: '', memberEpoch: 3 });
      if (version === 1) {
        await of('empty member joins', { ...joining, memberId: '' });
        await of('bad pattern', { ...joining, subscribedTopicRegex: '(', groupId: 'cg-bad' });
        await of('empty pattern and no topics', { ...joining, subscribedTopicNames: null, subscribedTopicRegex: '' });
      }
      const joined = await of('join', joining);
      const memberEpoch = joined!.memberEpoch;
      await of('heartbeat', { memberEpoch });
      await of('what it owns', { memberEpoch, topicPartitions: [{ topicId: id, partitions: [0, 1] }] });
      await of('a later epoch', { memberEpoch: memberEpoch + 1 });
      await of('an earlier epoch', { memberEpoch: memberEpoch - 1 });
      await of('a bad time-out', { memberEpoch, rebalanceTimeoutMs: 0 });
      await speaker.ask('described', ApiKey.ConsumerGroupDescribe, version, {
        groupIds: [groupId],
        includeAuthorizedOperations: true,
      });
      await speaker.ask(`described as classic (${version})`, ApiKey.DescribeGroups, 5 + version, { groups: [groupId] });
      await speaker.ask(`heartbeat as classic (${version})`, ApiKey.Heartbeat, 4, {
        groupId,
        memberId: member,
        generationId: memberEpoch,
      });
      await speaker.ask(`commit (${version})`, ApiKey.OffsetCommit, 9, {
        groupId,
        memberId: member,
        generationIdOrMemberEpoch: memberEpoch,
        topics: [{ name: 'cons', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] }],
      });
      await speaker.ask(`commit of a later epoch (${version})`, ApiKey.OffsetCommit, 9, {
        groupId,
        memberId: member,
        generationIdOrMemberEpoch: memberEpoch + 1,
        topics: [{ name: 'cons', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: 'm' }] }],
      });
      await speaker.ask(`fetched as a member (${version})`, ApiKey.OffsetFetch, 9, {
        groups: [{ groupId, memberId: member, memberEpoch, topics: [{ name: 'cons', partitionIndexes: [0, 1] }] }],
      });
      await speaker.ask(`fetched in a later epoch (${version})`, ApiKey.OffsetFetch, 9, {
        groups: [
          {
            groupId,
            memberId: member,
            memberEpoch: memberEpoch + 1,
            topics: [{ name: 'cons', partitionIndexes: [0] }],
          },
        ],
      });
      await speaker.ask(`deleted while in use (${version})`, ApiKey.DeleteGroups, 2, { groupsNames: [groupId] });
      await of('leave', { memberEpoch: -1 });
      await of('leave again', { memberEpoch: -1 });
      await speaker.ask('described empty', ApiKey.ConsumerGroupDescribe, version, {
        groupIds: [groupId],
        includeAuthorizedOperations: false,
      });
      await speaker.ask('described wrong', ApiKey.ConsumerGroupDescribe, version, {
        groupIds: ['no-such-group', '', 'no-such-group'],
        includeAuthorizedOperations: false,
      });
      await speaker.ask('none described', ApiKey.ConsumerGroupDescribe, version, {
        groupIds: [],
        includeAuthorizedOperations: false,
      });
      await speaker.ask(`deleted (${version})`, ApiKey.DeleteGroups, 2, { groupsNames: [groupId] });
    }
  },
};
