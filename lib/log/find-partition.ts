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
 * The partition that a request names, if its client may use the topic. A topic that is named by an id which this process
 * does not know is looked up before the client's rights are checked, because they go by its name; any other is looked up
 * after that. Throws StoreUnavailableError.
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
