import { allowedOperations, OPERATIONS_NOT_ASKED, operationAccesses } from '../../auth/allowed-operations.ts';
import { ANY_TOPIC, topicResource } from '../../auth/authorize.ts';
import type { KnownEpochs } from '../../cluster/leadership.ts';
import type { RequestContext } from '../../core/context.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import { isInternalTopic, topicNameProblem } from '../../topics/topic-name.ts';
import type { Topic } from '../../topics/topics.ts';
import type { ApiKey, ResponseInput } from '../../wire/apis.ts';
import { DescribeTopicPartitions } from '../../wire/messages/75-describe-topic-partitions.ts';
import { type Broker, CloseConnection } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { TOPICS_NAMED_MAX, topicFinder } from '../find-topics.ts';
import { partitionState } from '../partition-state.ts';

/**
 * The most partitions in one answer, whatever the request's limit: Kafka's default of
 * max.request.partition.size.limit.
 */
export const PARTITIONS_ANSWERED_MAX = 2_000;

type Answer = ResponseInput<typeof ApiKey.DescribeTopicPartitions>;
type Described = Answer['topics'][number];

/**
 * DescribeTopicPartitions, version 0 (KIP-966): topics in order of name, all if none is named, up
 * to a number of partitions. The cursor is the start of the next request (Kafka:
 * DescribeTopicPartitionsRequestHandler, KRaftMetadataCache.describeTopicResponse).
 */
export const describeTopicPartitions = defineApi(
  DescribeTopicPartitions,
  async (broker, request, _version, context) => {
    const { cursor } = request;
    if (request.topics.length > TOPICS_NAMED_MAX) {
      return new CloseConnection(
        `a request names ${request.topics.length} topics, at most ${TOPICS_NAMED_MAX} are allowed`,
      );
    }
    const names = [...new Set(request.topics.map(({ name }) => name))].sort();
    const all = names.length === 0;
    if (cursor !== null && (cursor.partitionIndex < 0 || !(all || names.includes(cursor.topicName)))) {
      return { topics: names.map((name) => undescribed(name, 'INVALID_REQUEST')), nextCursor: null };
    }
    const from = cursor?.topicName ?? '';
    const resources = all ? [ANY_TOPIC] : names.filter((name) => name >= from).map(topicResource);
    const decisions = await broker.authorize(context, resources.flatMap(operationAccesses));
    const listed = all
      ? new Map((await broker.admin.topics.list()).map((topic) => [topic.record.name, topic]))
      : undefined;
    const wanted = [...(listed?.keys() ?? names)].filter((name) => name >= from);
    const allowed = new Set(wanted.filter((name) => decisions.allows('DESCRIBE', topicResource(name))));
    const find =
      listed === undefined ? await topicFinder(broker, allowed.size) : async (name: string) => listed.get(name);

    const found: (Described | Stretch)[] = [];
    let nextCursor: Answer['nextCursor'] = null;
    let room = Math.max(1, Math.min(request.responsePartitionLimit, PARTITIONS_ANSWERED_MAX));
    for (const name of allowed) {
      if (room === 0) {
        nextCursor = { topicName: name, partitionIndex: 0 };
        break;
      }
      await broker.turns.turn();
      const operations = allowedOperations(decisions, topicResource(name));
      const topic = await find(name);
      if (topic === undefined) {
        const error = topicNameProblem(name) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION';
        found.push({ ...undescribed(name, error), topicAuthorizedOperations: operations });
        continue;
      }
      const { partitions: count } = topic.record;
      const first = cursor?.topicName === name ? cursor.partitionIndex : 0;
      const end = Math.min(count, first + room);
      found.push({ topic, first, end, operations });
      room -= Math.max(0, end - first);
      if (end < count) {
        nextCursor = { topicName: name, partitionIndex: end };
        break;
      }
    }
    // Unauthorized topics come last, and are omitted if the request names no topics.
    const forbidden = all ? [] : wanted.filter((name) => !allowed.has(name));
    found.push(...forbidden.map((name) => undescribed(name, 'TOPIC_AUTHORIZATION_FAILED')));
    await broker.leadership.look();
    const epochs = await broker.leadership.epochs(found.flatMap((one) => ('topic' in one ? [one.topic] : [])));
    const topics = found.map((one) => ('topic' in one ? described(broker, one, epochs, context) : one));
    return { topics, nextCursor };
  },
);

/** The partitions of a topic from `first` (inclusive) to `end` (exclusive). */
interface Stretch {
  readonly topic: Topic;
  readonly first: number;
  readonly end: number;
  readonly operations: number;
}

function described(
  broker: Broker,
  { topic, first, end, operations }: Stretch,
  epochs: KnownEpochs,
  context: RequestContext,
): Described {
  const { name, id } = topic.record;
  const partitions = Array.from({ length: Math.max(0, end - first) }, (_, index) => ({
    ...partitionState(broker, topic, first + index, epochs, context),
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
  }));
  const isInternal = isInternalTopic(name);
  return { errorCode: 0, name, topicId: id, isInternal, partitions, topicAuthorizedOperations: operations };
}

function undescribed(name: string, error: ErrorName): Described {
  return {
    errorCode: errorCode(error),
    name,
    topicId: ZERO_UUID,
    isInternal: isInternalTopic(name),
    partitions: [],
    topicAuthorizedOperations: OPERATIONS_NOT_ASKED,
  };
}
