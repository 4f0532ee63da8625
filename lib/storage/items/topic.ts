import { MalformedBytesError } from '../../core/bytes.ts';
import type { Uuid } from '../../core/uuid.ts';
import { decodeJsonBody, encodeJsonBody } from './json-body.ts';

/**
 * A topic as stored. The item under its name is authoritative; the one under its id is a copy
 * written after it.
 */
export interface TopicRecord {
  readonly id: Uuid;
  readonly name: string;
  readonly partitions: number;
  /** Journals that the partitions are spread over; fixed for the topic's life. */
  readonly journals: number;
  /** As requested; every write is in three zones whatever its value. */
  readonly replicationFactor: number;
  /** Configs set for this topic, by Kafka's names. */
  readonly configs: Readonly<Record<string, string>>;
  /** Store time, ms. */
  readonly createdAt: number;
  /** Store time of the deletion; the item stays, so that its version never restarts (rule R9). */
  readonly deletedAt?: number;
}

/** All topics by name: sort key is the name. */
export const TOPICS_PK = 'topics';
/** The same topics by id: sort key is the id. */
export const TOPIC_IDS_PK = 'topic-ids';

const FORMAT = 1;

export function encodeTopic(topic: TopicRecord): Buffer {
  return encodeJsonBody(FORMAT, topic);
}

/** Throws MalformedBytesError. */
export function decodeTopic(body: Buffer): TopicRecord {
  const topic = decodeJsonBody(FORMAT, body);
  if (!isTopicRecord(topic)) throw new MalformedBytesError('the topic item lacks what every topic has');
  return topic;
}

/** Whether a decoded value has what every topic has. */
export function isTopicRecord(value: unknown): value is TopicRecord {
  const topic = value as TopicRecord | null | undefined;
  return (
    typeof topic?.id === 'string' &&
    typeof topic.name === 'string' &&
    isCount(topic.partitions) &&
    isCount(topic.journals) &&
    typeof topic.configs === 'object' &&
    topic.configs !== null
  );
}

/**
 * Partitions are mapped to journals by a remainder, so the number of journals is a whole number of
 * at least 1.
 */
function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
