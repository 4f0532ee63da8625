import type { Clock } from '../../core/clock.ts';
import { ERROR_CODES } from '../../core/errors.ts';
import { nearest } from '../../settings/nearest.ts';
import { ApiKey, type ResponseBody } from '../../wire/apis.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';
import { grouped } from '../grouped.ts';
import { Attempts } from './attempts.ts';
import type { KafkaClient } from './kafka-client.ts';

export interface TopicPartition {
  readonly index: number;
  /** Node id; -1 if there is none. */
  readonly leader: number;
}

export interface Topic {
  readonly name: string;
  /** Base64 as Kafka's tools print it; zeros if the broker is too old to return it. */
  readonly id: string;
  readonly isInternal: boolean;
  readonly replicationFactor: number;
  /** Ordered by number. */
  readonly partitions: readonly TopicPartition[];
}

type MetadataTopic = ResponseBody<typeof ApiKey.Metadata>['topics'][number];

/** The highest version that names topics only by name in the same fields. */
const METADATA_VERSION_MAX = 12;
const RETRY_MS = 100;

/** All topics, by name. Throws CommandError. */
export async function listTopics(client: KafkaClient): Promise<Topic[]> {
  const { topics } = await askMetadata(client, null, false);
  return topics.map(topicOf).sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface TopicLookup {
  readonly clock: Clock;
  /** How long to wait for a topic that is being created; ms. */
  readonly timeoutMs: number;
  /** Whether the broker may create the topic, if its `auto.create.topics.enable` allows it. */
  readonly mayCreate?: boolean;
}

/** One topic, like findTopics. */
export async function findTopic(client: KafkaClient, name: string, lookup: TopicLookup): Promise<Topic> {
  const [topic] = await findTopics(client, [name], lookup);
  return topic!;
}

/**
 * Topics whose partitions all have a leader, in the order of `names`. Throws CommandError: for an
 * unknown topic with the nearest name, for one without leaders after `timeoutMs`.
 */
export async function findTopics(
  client: KafkaClient,
  names: readonly string[],
  lookup: TopicLookup,
): Promise<readonly Topic[]> {
  const { clock, timeoutMs, mayCreate = false } = lookup;
  const attempts = new Attempts(clock, timeoutMs, RETRY_MS);
  let mayBeCreated = mayCreate;
  for (;;) {
    const { topics } = await askMetadata(client, names, mayCreate);
    const found = new Map(topics.map((topic) => [topic.name, topic]));
    const waiting = names.filter((name) => !isReady(found.get(name)));
    if (waiting.length === 0) return names.map((name) => topicOf(found.get(name)!));
    for (const name of waiting) {
      const code = found.get(name)?.errorCode ?? ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION;
      if (code === ERROR_CODES.UNKNOWN_TOPIC_OR_PARTITION) {
        // A broker that is creating it may still answer UNKNOWN_TOPIC_OR_PARTITION once.
        if (!mayBeCreated) throw await unknownTopic(client, name);
      } else if (code !== 0 && !isRetriable(code)) {
        throw brokerRefusal(`Topic ${name} cannot be used`, code);
      }
      if (attempts.areOver) {
        const partitionCode = found.get(name)?.partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode;
        throw brokerRefusal(`Topic ${name} has no leader after ${timeoutMs} ms`, code || (partitionCode ?? -1));
      }
    }
    mayBeCreated = false;
    await attempts.wait();
  }
}

function isReady(topic: MetadataTopic | undefined): boolean {
  return topic?.errorCode === 0 && topic.partitions.every(({ errorCode }) => errorCode === 0);
}

/** The error for a topic that does not exist, with the nearest name. */
export async function unknownTopic(client: KafkaClient, name: string): Promise<CommandError> {
  const suggestion = nearest(
    name,
    (await listTopics(client)).map((topic) => topic.name),
  );
  const advice = suggestion === undefined ? `tidelog topics create ${name} creates it.` : `Did you mean ${suggestion}?`;
  return new CommandError(`There is no topic ${name} (UNKNOWN_TOPIC_OR_PARTITION). ${advice}`, {
    kafkaError: 'UNKNOWN_TOPIC_OR_PARTITION',
  });
}

/** The error for a partition that a topic with `count` partitions does not have. */
export function unknownPartition(topic: string, partition: number, count: number): CommandError {
  return new CommandError(
    `Topic ${topic} has no partition ${partition}, only 0 to ${count - 1} (UNKNOWN_TOPIC_OR_PARTITION).`,
    { kafkaError: 'UNKNOWN_TOPIC_OR_PARTITION' },
  );
}

/** Requests the metadata of topics, and stores the nodes' addresses. */
export async function askMetadata(client: KafkaClient, names: readonly string[] | null, mayCreate: boolean) {
  const answer = await client.ask(
    ApiKey.Metadata,
    { topics: names?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: mayCreate },
    { versionMax: METADATA_VERSION_MAX },
  );
  client.learnNodes(answer.brokers);
  return answer;
}

function topicOf({ name, topicId, isInternal, partitions }: MetadataTopic): Topic {
  return {
    name: name ?? '',
    id: topicId,
    isInternal,
    replicationFactor: partitions[0]?.replicaNodes.length ?? 0,
    partitions: partitions
      .map(({ partitionIndex, leaderId }) => ({ index: partitionIndex, leader: leaderId }))
      .sort((a, b) => a.index - b.index),
  };
}

/** Node id -> the partitions that it leads. */
export function partitionsByLeader(partitions: readonly TopicPartition[]): Map<number, TopicPartition[]> {
  return grouped(partitions, ({ leader }) => leader);
}
