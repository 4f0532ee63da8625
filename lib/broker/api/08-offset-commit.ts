import { groupAccesses, groupResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { each } from '../../kit/each.ts';
import type { OffsetToCommit } from '../../offsets/decide.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { OffsetCommit } from '../../wire/messages/08-offset-commit.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { findTopic, hasPartition, namedTopicAccesses, nameTopics, withPartitions } from '../group-topics.ts';

type Request = RequestBody<typeof ApiKey.OffsetCommit>;

/** From this version on, topics are named by id. */
const FIRST_WITH_IDS = 10;

/** The retention time that means the broker's setting. */
const DEFAULT_RETENTION = -1;

/**
 * OffsetCommit, versions 2 to 10. Topics that do not exist are refused individually
 * (KafkaApis.handleOffsetCommitRequest). An error of the group applies to every other partition.
 */
export const offsetCommit = defineApi(OffsetCommit, async (broker: GroupBroker, request, version, context) => {
  const { groupId } = request;
  const nameOf = await nameTopics(broker, request.topics, version >= FIRST_WITH_IDS);
  const decisions = await broker.authorize(context, [
    ...groupAccesses('READ', [groupId]),
    ...namedTopicAccesses('READ', request.topics.map(nameOf)),
  ]);
  if (!decisions.allows('READ', groupResource(groupId))) {
    return answer(request, () => 'GROUP_AUTHORIZATION_FAILED');
  }
  if (!isGroupId(groupId)) return answer(request, () => 'INVALID_GROUP_ID');

  const found = await each(broker, request.topics, async (reference) => {
    const topic = await findTopic(broker, decisions, 'READ', nameOf(reference));
    if (topic.kind === 'failed') return topic;
    const asked = reference.partitions.map(({ partitionIndex }) => partitionIndex);
    return { kind: 'found' as const, topic: await withPartitions(broker, topic.topic, asked) };
  });
  const { retentionTimeMs } = request;
  const topics = request.topics.flatMap(({ partitions }, index) => {
    const one = found[index]!;
    if (one.kind === 'failed') return [];
    const wanted = partitions
      .filter(({ partitionIndex }) => hasPartition(one.topic, partitionIndex))
      .map((partition) => toCommit(partition, retentionTimeMs));
    return [{ topic: one.topic.record, wanted }];
  });

  let outcome = (_: { readonly id: string; readonly name: string }, _partition: number): ErrorName => 'NONE';
  if (topics.some(({ wanted }) => wanted.length > 0)) {
    const claim = {
      memberId: request.memberId,
      instanceId: request.groupInstanceId,
      generationOrEpoch: request.generationIdOrMemberEpoch,
    };
    const kind = { transactional: false, apiVersion: version };
    try {
      outcome = await broker.offsets.commit({ groupId, claim, kind, topics }, context);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      outcome = () => 'COORDINATOR_NOT_AVAILABLE';
    }
  }
  return answer(request, (index, partition) => {
    const one = found[index]!;
    if (one.kind === 'failed') return one.error;
    return hasPartition(one.topic, partition) ? outcome(one.topic.record, partition) : 'UNKNOWN_TOPIC_OR_PARTITION';
  });
});

function toCommit(partition: Request['topics'][number]['partitions'][number], retentionMs: number): OffsetToCommit {
  return {
    partition: partition.partitionIndex,
    offset: partition.committedOffset,
    leaderEpoch: partition.committedLeaderEpoch,
    metadata: partition.committedMetadata ?? '',
    retentionMs: retentionMs === DEFAULT_RETENTION ? undefined : retentionMs,
  };
}

function answer(request: Request, errorOf: (topic: number, partition: number) => ErrorName) {
  return {
    // Kafka omits topics without partitions.
    topics: request.topics.flatMap(({ name, topicId, partitions }, index) =>
      partitions.length === 0
        ? []
        : [
            {
              name,
              topicId,
              partitions: partitions.map(({ partitionIndex }) => ({
                partitionIndex,
                errorCode: errorCode(errorOf(index, partitionIndex)),
              })),
            },
          ],
    ),
  };
}
