import { type Access, type Decisions, type Operation, topicAccesses, topicResource } from '../auth/authorize.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { each } from '../kit/each.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { Topic, Topics } from '../topics/topics.ts';
import type { Broker } from './broker.ts';

/** A topic in a request about offsets: by name, or from certain versions on by id. */
interface TopicReference {
  readonly name: string;
  readonly topicId: Uuid;
}

export type FoundTopic = { readonly kind: 'found'; readonly topic: Topic } | FailedTopic;

interface FailedTopic {
  readonly kind: 'failed';
  readonly error: ErrorName;
}

/**
 * A topic whose name is known, as authorization needs it. `id` is set if the request named the
 * topic by id.
 */
export type NamedTopic = { readonly kind: 'named'; readonly name: string; readonly id: Uuid | undefined } | FailedTopic;

/**
 * Resolves topic ids to names, which authorization needs. Topics given by name are not looked up.
 */
export async function nameTopics(
  broker: Broker,
  topics: readonly TopicReference[],
  areNamedById: boolean,
): Promise<(topic: TopicReference) => NamedTopic> {
  if (!areNamedById) return ({ name }) => ({ kind: 'named', name, id: undefined });
  const ids = [...new Set(topics.map(({ topicId }) => topicId))];
  const named = await each(broker, ids, (id) => nameById(broker.admin.topics, id));
  const byId = new Map(ids.map((id, index) => [id, named[index]!]));
  return ({ topicId }) => byId.get(topicId)!;
}

async function nameById(topics: Topics, id: Uuid): Promise<NamedTopic> {
  try {
    const topic = await topics.getById(id);
    return topic === undefined ? failed('UNKNOWN_TOPIC_ID') : { kind: 'named', name: topic.record.name, id };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return failed('COORDINATOR_NOT_AVAILABLE');
  }
}

/** One access per topic that has a name, all with the same operation. */
export function namedTopicAccesses(operation: Operation, topics: readonly NamedTopic[]): Access[] {
  return topicAccesses(
    operation,
    topics.flatMap((topic) => (topic.kind === 'named' ? [topic.name] : [])),
  );
}

/**
 * The topic of a request about offsets, if `decisions` allow the operation on it. With `fresh` it
 * is read from the store, which also sees that another process deleted and recreated it. Otherwise
 * the cache is used.
 */
export async function findTopic(
  broker: Broker,
  decisions: Decisions,
  operation: Operation,
  named: NamedTopic,
  fresh = false,
): Promise<FoundTopic> {
  if (named.kind === 'failed') return named;
  const { topics } = broker.admin;
  const { name, id } = named;
  if (!decisions.allows(operation, topicResource(name))) return failed('TOPIC_AUTHORIZATION_FAILED');
  try {
    // A cached entry of an id may be older than the topic now stored under the name.
    const topic = await (fresh ? topics.read(name) : id === undefined ? topics.get(name) : topics.getById(id));
    if (topic === undefined || (id !== undefined && topic.record.id !== id)) {
      return failed(id === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID');
    }
    return { kind: 'found', topic };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return failed('COORDINATOR_NOT_AVAILABLE');
  }
}

function failed(error: ErrorName): FailedTopic {
  return { kind: 'failed', error };
}

/**
 * The topic, read again if it lacks one of these partitions: another process may have added them.
 */
export async function withPartitions(broker: Broker, topic: Topic, partitions: readonly number[]): Promise<Topic> {
  if (partitions.every((partition) => partition < topic.record.partitions)) return topic;
  try {
    const read = await broker.admin.topics.read(topic.record.name);
    return read?.record.id === topic.record.id ? read : topic;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return topic;
  }
}

/** Whether the topic has a partition with this number. */
export function hasPartition({ record }: Topic, partition: number): boolean {
  return partition >= 0 && partition < record.partitions;
}

/** Whether a topic with this id exists. Throws StoreUnavailableError. */
export function topicIsThere(broker: Broker, id: Uuid): Promise<boolean> {
  return broker.admin.topics.isThere(id);
}
