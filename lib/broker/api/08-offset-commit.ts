import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import { OffsetCommit } from '../../wire/messages/08-offset-commit.ts';
import type { GroupBroker } from '../broker.ts';
import { commitTopics, refuseTopics } from '../commit-topics.ts';
import { defineApi } from '../define-api.ts';
import { adviseGroup, forgoQuiet } from '../group-advice.ts';
import { namedTopicAccesses, nameTopics } from '../group-topics.ts';

/** From this version on, topics are named by id. */
const FIRST_WITH_IDS = 10;

/** The retention time that means the broker's setting. */
const DEFAULT_RETENTION = -1;

/**
 * OffsetCommit, versions 2 to 10. Topics that do not exist are refused individually
 * (KafkaApis.handleOffsetCommitRequest). An error of the group applies to every other partition.
 */
export const offsetCommit = defineApi(OffsetCommit, async (broker: GroupBroker, request, version, context) => {
  const { groupId, topics, retentionTimeMs } = request;
  const nameOf = await nameTopics(broker, topics, version >= FIRST_WITH_IDS);
  const decisions = await broker.authorize(context, [
    ...groupAccesses('READ', [groupId]),
    ...namedTopicAccesses('READ', topics.map(nameOf)),
  ]);
  if (!decisions.allows('READ', groupResource(groupId))) {
    return { topics: refuseTopics(topics, 'GROUP_AUTHORIZATION_FAILED') };
  }
  if (!isGroupId(groupId)) return { topics: refuseTopics(topics, 'INVALID_GROUP_ID') };
  const claim = {
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generationOrEpoch: request.generationIdOrMemberEpoch,
  };
  const commit = { groupId, claim, kind: { transactional: false, apiVersion: version } };
  const retentionMs = retentionTimeMs === DEFAULT_RETENTION ? undefined : retentionTimeMs;
  const committed = await commitTopics(broker, decisions, topics, nameOf, commit, context, { retentionMs });
  adviseGroup(context, groupId, false);
  const isClean = committed.every(({ partitions }) => partitions.every((one) => one.errorCode === 0));
  if (!isClean) forgoQuiet(context);
  return { topics: committed };
});
