import { CLUSTER } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { logSizes } from '../../log/log-sizes.ts';
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
 * DescribeLogDirs, versions 1 to 5: one directory with the partitions that this node should lead. A
 * partition's size is that of its record batches, in segments and not sealed yet. It does not count
 * what is deleted and waits for its grace period. Missing partitions are omitted, as in Kafka.
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
  await broker.leadership.look();
  const found = asked === null ? await everything(broker) : await named(broker, asked);
  const led = found.map(
    ([topic, partitions]): Found => [topic, partitions.filter((one) => isLedHere(broker, topic, one))],
  );
  const journals = led.flatMap(([topic, partitions]) =>
    isInternalTopic(topic.record.name) ? [] : partitions.map((partition) => journalOf(topic, partition)),
  );
  const sizes = await logSizes(broker.admin.journals, broker.turns, journals);
  const topics = led
    .filter(([, partitions]) => partitions.length > 0)
    .map(([topic, partitions]) => ({
      name: topic.record.name,
      partitions: lazily(partitions.length, (index) => {
        const partitionIndex = partitions[index]!;
        const isEmpty = isInternalTopic(topic.record.name);
        const partitionSize = isEmpty
          ? 0
          : (sizes.sizeOf(journalOf(topic, partitionIndex), partitionIndex) ?? UNKNOWN_BYTES);
        return { partitionIndex, partitionSize, offsetLag: 0, isFutureKey: false };
      }),
    }));
  const { logDir } = broker.settings;
  return {
    errorCode: 0,
    results: [{ errorCode: 0, logDir, topics, totalBytes: UNKNOWN_BYTES, usableBytes: UNKNOWN_BYTES }],
  };
});

type Found = [Topic, readonly number[]];

async function everything(broker: Broker): Promise<Found[]> {
  const topics = await broker.admin.topics.list();
  return topics.map((topic) => [topic, Array.from({ length: topic.record.partitions }, (_, partition) => partition)]);
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
    found.push([topic, [...partitions].filter((partition) => partition >= 0 && partition < topic.record.partitions)]);
  }
  return found;
}

function isLedHere({ leadership }: Broker, topic: Topic, partition: number): boolean {
  return isInternalTopic(topic.record.name) || leadership.nodeOf(journalOf(topic, partition)) === leadership.nodeId;
}
