import { type Operation, topicResource } from '../auth/authorize.ts';
import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { Topic, Topics } from '../topics/topics.ts';
import type { Broker } from './broker.ts';

/** A topic as a request about offsets names it: by name, from certain versions on by id. */
export type TopicByEither = { readonly name: string } | { readonly id: Uuid };

export type FoundTopic =
  | { readonly kind: 'found'; readonly topic: Topic }
  | { readonly kind: 'failed'; readonly error: ErrorName };

/**
 * The topic that a request about offsets names, by name or by id. `fresh`: as it stands now, also where another process
 * deleted it and made it again; otherwise what is remembered will do.
 */
export async function findTopic(
  broker: Broker,
  context: RequestContext,
  operation: Operation,
  reference: TopicByEither,
  fresh = false,
): Promise<FoundTopic> {
  const { topics } = broker.admin;
  const allowed = (topic: string) => broker.authorize(context, operation, topicResource(topic));
  const failed = (error: ErrorName): FoundTopic => ({ kind: 'failed', error });
  const unknown = 'id' in reference ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
  if ('name' in reference && !allowed(reference.name)) return failed('TOPIC_AUTHORIZATION_FAILED');
  try {
    const topic = await ('id' in reference ? byId(topics, reference.id, fresh) : byName(topics, reference.name, fresh));
    if (topic === undefined) return failed(unknown);
    return allowed(topic.record.name) ? { kind: 'found', topic } : failed('TOPIC_AUTHORIZATION_FAILED');
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return failed('COORDINATOR_NOT_AVAILABLE');
  }
}

function byName(topics: Topics, name: string, fresh: boolean): Promise<Topic | undefined> {
  return fresh ? topics.read(name) : topics.get(name);
}

async function byId(topics: Topics, id: Uuid, fresh: boolean): Promise<Topic | undefined> {
  const known = await topics.getById(id);
  // What stands under the id may be older than the truth under the name.
  const topic = fresh && known !== undefined ? await topics.read(known.record.name) : known;
  return topic?.record.id === id ? topic : undefined;
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
