/**
 * Requests that name a topic or a partition more than once, as Kafka takes them where it keeps partitions in a map: the
 * partitions of a topic stand together, however often the topic is named; of a partition the last mention counts, in the
 * place of the first; a topic without partitions is not in it.
 *
 * @param topicOf the same for all mentions of a topic, its name or id
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

/** The same with how often each partition is named. */
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
