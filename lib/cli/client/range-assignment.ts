/** A member of a classic group and its subscription. */
export interface Subscriber {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly topics: readonly string[];
}

/** Member id -> topic -> partitions. */
export type Assignments = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/**
 * Kafka's `range` assignor: the partitions of each topic are divided into contiguous ranges for its
 * subscribers, in the order of their instance ids or member ids. If they do not divide evenly, the
 * first subscribers have one more.
 *
 * @param partitionCounts topic -> how many partitions it has; other topics are not assigned
 */
export function assignRanges(
  subscribers: readonly Subscriber[],
  partitionCounts: ReadonlyMap<string, number>,
): Assignments {
  const assignments = new Map(subscribers.map(({ memberId }) => [memberId, new Map<string, readonly number[]>()]));
  for (const [topic, count] of partitionCounts) {
    const members = subscribers.filter(({ topics }) => topics.includes(topic)).sort(byIdentity);
    const share = Math.floor(count / members.length);
    const larger = count % members.length;
    for (const [index, { memberId }] of members.entries()) {
      const first = index * share + Math.min(index, larger);
      const length = share + (index < larger ? 1 : 0);
      if (length > 0)
        assignments.get(memberId)!.set(
          topic,
          Array.from({ length }, (_, at) => first + at),
        );
    }
  }
  return assignments;
}

/** Static members first, as Kafka's MemberInfo compares them. */
function byIdentity(a: Subscriber, b: Subscriber): number {
  if ((a.instanceId === null) !== (b.instanceId === null)) return a.instanceId === null ? 1 : -1;
  const [left, right] = a.instanceId === null ? [a.memberId, b.memberId] : [a.instanceId, b.instanceId!];
  return left < right ? -1 : left > right ? 1 : 0;
}
