import { type Access, type Decisions, type Operation, topicAccesses, topicResource } from '../auth/authorize.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { each } from '../kit/each.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { Topic, Topics } from '../topics/topics.ts';
import type { Broker } from './broker.ts';

/** A topic as a request about offsets names it: by name, from certain versions on by id. */
interface TopicReference {
  readonly name: string;
  readonly topicId: Uuid;
}

export type FoundTopic = { readonly kind: 'found'; readonly topic: Topic } | FailedTopic;

interface FailedTopic {
  readonly kind: 'failed';
  readonly error: ErrorName;
}

/** A topic whose name is known, so that the client's rights to it can be asked about; `id` where the request gave that. */
export type NamedTopic = { readonly kind: 'named'; readonly name: string; readonly id: Uuid | undefined } | FailedTopic;

/**
 * Gives topics their names. Rights are given to names, so topics that are named by id are looked up first; the others are not.
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

/** The same operation on all of the topics that have a name, as part of a question. */
export function namedTopicAccesses(operation: Operation, topics: readonly NamedTopic[]): Access[] {
  return topicAccesses(
    operation,
    topics.flatMap((topic) => (topic.kind === 'named' ? [topic.name] : [])),
  );
}

/**
 * The topic that a request about offsets names, if `decisions` allow the operation on it. `fresh`: as it stands now, also where
 * another process deleted it and made it again; otherwise what is remembered will do.
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
    // What stands under the id may be older than the truth under the name.
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

/** The topic, read again if it seems to lack one of these partitions: they may have been added elsewhere. */
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

/** Whether a topic has a partition of that number. */
export function hasPartition({ record }: Topic, partition: number): boolean {
  return partition >= 0 && partition < record.partitions;
}

/** Whether there is a topic of that id. Throws StoreUnavailableError. */
export function topicIsThere(broker: Broker, id: Uuid): Promise<boolean> {
  return broker.admin.topics.isThere(id);
}
