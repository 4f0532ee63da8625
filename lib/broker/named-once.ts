/**
 * Merges repeated topics and partitions of a request, as Kafka does where it keeps partitions in a
 * map. All partitions of a topic are grouped together. A repeated partition has the content of its
 * last mention and the position of its first. Topics without partitions are dropped.
 *
 * @param topicOf the topic's identity, its name or id, equal for all its mentions
 */
export function namedOnce<Topic, Partition>(
  topics: readonly Topic[],
  topicOf: (topic: Topic) => string,
  partitionsOf: (topic: Topic) => readonly Partition[],
  indexOf: (partition: Partition) => number,
): { readonly topic: Topic; readonly partitions: Partition[] }[] {
  return mentions(topics, topicOf, partitionsOf, indexOf).map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ last }) => last),
  }));
}

/** The same, with the number of mentions of each partition. */
export function mentions<Topic, Partition>(
  topics: readonly Topic[],
  topicOf: (topic: Topic) => string,
  partitionsOf: (topic: Topic) => readonly Partition[],
  indexOf: (partition: Partition) => number,
): { readonly topic: Topic; readonly partitions: { readonly last: Partition; readonly count: number }[] }[] {
  const byTopic = new Map<string, { topic: Topic; partitions: Map<number, { last: Partition; count: number }> }>();
  for (const topic of topics) {
    const named = partitionsOf(topic);
    if (named.length === 0) continue;
    const key = topicOf(topic);
    let known = byTopic.get(key);
    if (known === undefined) {
      known = { topic, partitions: new Map() };
      byTopic.set(key, known);
    }
    for (const partition of named) {
      const index = indexOf(partition);
      const count = (known.partitions.get(index)?.count ?? 0) + 1;
      known.partitions.set(index, { last: partition, count });
    }
  }
  return [...byTopic.values()].map(({ topic, partitions }) => ({ topic, partitions: [...partitions.values()] }));
}
