import { CLUSTER } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { isInternalTopic } from '../../topics/topic-name.ts';
import { journalOf, type Topic } from '../../topics/topics.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { DescribeLogDirs } from '../../wire/messages/35-describe-log-dirs.ts';
import { type Broker, CloseConnection } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { TOPICS_NAMED_MAX, topicFinder } from '../find-topics.ts';
import { lazily } from '../lazily.ts';

/** An unknown size (DescribeLogDirsResponse.UNKNOWN_VOLUME_BYTES). */
const UNKNOWN_BYTES = -1;

type Asked = NonNullable<RequestBody<typeof ApiKey.DescribeLogDirs>['topics']>[number];

/**
 * DescribeLogDirs, versions 1 to 5: one directory with every partition. Partitions share entries
 * and objects, so their bytes are not counted: the size is 0 if the partition is known to be empty,
 * else unknown. Missing partitions are omitted, as in Kafka.
 */
export const describeLogDirs = defineApi(DescribeLogDirs, async (broker, request, _version, context) => {
  const { topics: asked } = request;
  if (asked !== null && asked.length > TOPICS_NAMED_MAX) {
    return new CloseConnection(`a request names ${asked.length} topics, at most ${TOPICS_NAMED_MAX} are allowed`);
  }
  const decisions = await broker.authorize(context, [{ operation: 'DESCRIBE', resource: CLUSTER }]);
  if (!decisions.allows('DESCRIBE', CLUSTER)) {
    return { errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), results: [] };
  }
  const found = asked === null ? await everything(broker) : await named(broker, asked);
  const topics = found.map(([topic, partitions]) => ({
    name: topic.record.name,
    partitions: lazily(partitions?.length ?? topic.record.partitions, (index) => {
      const partitionIndex = partitions?.[index] ?? index;
      return {
        partitionIndex,
        partitionSize: isEmpty(broker, topic, partitionIndex) ? 0 : UNKNOWN_BYTES,
        offsetLag: 0,
        isFutureKey: false,
      };
    }),
  }));
  const { logDir } = broker.settings;
  return {
    errorCode: 0,
    results: [{ errorCode: 0, logDir, topics, totalBytes: UNKNOWN_BYTES, usableBytes: UNKNOWN_BYTES }],
  };
});

/** Null for all partitions. */
type Found = [Topic, readonly number[] | null];

async function everything(broker: Broker): Promise<Found[]> {
  const topics = await broker.admin.topics.list();
  return topics.map((topic) => [topic, null]);
}

async function named(broker: Broker, asked: readonly Asked[]): Promise<Found[]> {
  const wanted = new Map<string, Set<number>>();
  for (const { topic, partitions } of asked) {
    const known = wanted.get(topic) ?? new Set();
    for (const partition of partitions) known.add(partition);
    wanted.set(topic, known);
  }
  const find = await topicFinder(broker, wanted.size);
  const found: Found[] = [];
  for (const [name, partitions] of wanted) {
    await broker.turns.turn();
    const topic = await find(name);
    if (topic === undefined) continue;
    const there = [...partitions].filter((partition) => partition >= 0 && partition < topic.record.partitions);
    if (there.length > 0) found.push([topic, there]);
  }
  return found;
}

/** Whether this process knows that a partition has no records. */
function isEmpty(broker: Broker, topic: Topic, partition: number): boolean {
  if (isInternalTopic(topic.record.name)) return true;
  const view = broker.admin.journals.peek(journalOf(topic, partition))?.journal.view;
  if (view === undefined) return false;
  const known = view.partitions.get(partition);
  return known === undefined || known.nextOffset === known.logStartOffset;
}
