import type { Topic } from '../topics/topics.ts';
import type { TopicAccess } from './access.ts';
import {
  type InternalPartition,
  type NotFound,
  noSuchTopic,
  type OpenPartition,
  type Partitions,
  type TopicReference,
} from './partitions.ts';

export type FoundPartition = OpenPartition | InternalPartition | NotFound | NotAuthorized;

interface NotAuthorized {
  readonly kind: 'failed';
  readonly error: 'TOPIC_AUTHORIZATION_FAILED';
}

/**
 * The partition that a request names, if the client may use its topic. A topic that is named by an
 * unknown id is looked up before authorization, because rights belong to names. Every other topic
 * is authorized first. Throws StoreUnavailableError.
 */
export async function findPartition(
  partitions: Partitions,
  access: TopicAccess,
  reference: TopicReference,
  partition: number,
): Promise<FoundPartition> {
  let { name } = reference;
  let topic: Topic | undefined;
  if (name === undefined) {
    topic = partitions.peekTopic(reference) ?? (await partitions.findTopic(reference));
    if (topic === undefined) return noSuchTopic(reference);
    name = topic.record.name;
  }
  if (!(access.peek(name) ?? (await access.allows(name)))) return NOT_AUTHORIZED;
  return partitions.resolve(reference, partition, topic);
}

const NOT_AUTHORIZED: NotAuthorized = { kind: 'failed', error: 'TOPIC_AUTHORIZATION_FAILED' };
