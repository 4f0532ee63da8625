import { groupAccesses, groupResource, topicAccesses } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { each } from '../../kit/each.ts';
import { isGroupId } from '../../storage/items/group-keys.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { OffsetDelete } from '../../wire/messages/47-offset-delete.ts';
import type { GroupBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { findTopic, hasPartition, withPartitions } from '../group-topics.ts';

/**
 * OffsetDelete, version 0: deletes the offsets of topics that no member of the group subscribes to
 * (KIP-496).
 */
export const offsetDelete = defineApi(OffsetDelete, async (broker: GroupBroker, request, _version, context) => {
  const { groupId } = request;
  const refused = (error: ErrorName) => ({ errorCode: errorCode(error), topics: [] });
  const names = request.topics.map(({ name }) => name);
  const decisions = await broker.authorize(context, [
    ...groupAccesses('DELETE', [groupId]),
    ...topicAccesses('READ', names),
  ]);
  if (!decisions.allows('DELETE', groupResource(groupId))) {
    return refused('GROUP_AUTHORIZATION_FAILED');
  }
  if (!isGroupId(groupId)) return refused('INVALID_GROUP_ID');

  const found = await each(broker, request.topics, async ({ name, partitions }) => {
    const asked = partitions.map(({ partitionIndex }) => partitionIndex);
    const topic = await findTopic(broker, decisions, 'READ', { kind: 'named', name, id: undefined });
    if (topic.kind === 'failed') return topic;
    const current = await withPartitions(broker, topic.topic, asked);
    const wanted = new Set(asked.filter((partition) => hasPartition(current, partition)));
    return { kind: 'found' as const, topic: current.record, wanted };
  });
  try {
    const topics = found.flatMap((one) =>
      one.kind === 'found' ? [{ topic: one.topic, wanted: [...one.wanted] }] : [],
    );
    const outcome = await broker.offsets.delete({ groupId, topics }, context);
    if (outcome.kind === 'refused') return refused(outcome.error);
    return {
      errorCode: 0,
      // Kafka omits topics without partitions.
      topics: request.topics
        .map(({ name, partitions }, index) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => {
            const one = found[index]!;
            const error =
              one.kind === 'failed'
                ? one.error
                : one.wanted.has(partitionIndex)
                  ? outcome.error(one.topic)
                  : 'UNKNOWN_TOPIC_OR_PARTITION';
            return { partitionIndex, errorCode: errorCode(error) };
          }),
        }))
        .filter(({ partitions }) => partitions.length > 0),
    };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return refused('COORDINATOR_NOT_AVAILABLE');
  }
});
