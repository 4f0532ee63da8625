import type { Topic } from '../topics/topics.ts';
import type { Broker } from './broker.ts';

/** A request that names more topics is refused as a whole: each topic costs a read. */
export const TOPICS_NAMED_MAX = 100_000;

/** Above this many names, listing all topics is cheaper than one read per name. */
const TOPICS_READ_SINGLY_MAX = 100;

export type FindTopic = (name: string) => Promise<Topic | undefined>;

/**
 * Looks topics up. A few are read one by one, from memory if cached, or from the store if `fresh`.
 * Many are found in a list of all topics. Both this function and the one that it returns throw
 * StoreUnavailableError.
 */
export async function topicFinder(broker: Broker, count: number, fresh = false): Promise<FindTopic> {
  const { topics } = broker.admin;
  if (count <= TOPICS_READ_SINGLY_MAX) return (name) => (fresh ? topics.read(name) : topics.get(name));
  const listed = new Map((await topics.list()).map((topic) => [topic.record.name, topic]));
  return async (name) => listed.get(name);
}
