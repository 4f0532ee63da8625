import type { Uuid } from '../../core/uuid.ts';
import type { Assignment, TopicPartitions } from '../assignors/assignor.ts';

/** Whether two assignments contain the same partitions. */
export function sameAssignment(a: Assignment, b: Assignment): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((topic, index) => sameTopic(topic, b[index]!));
}

function sameTopic(a: TopicPartitions, b: TopicPartitions): boolean {
  return (
    a.topicId === b.topicId &&
    a.partitions.length === b.partitions.length &&
    a.partitions.every((partition, index) => partition === b.partitions[index])
  );
}

/** Normalizes partitions to an Assignment. The input may contain duplicates, in any order. */
export function toAssignment(topics: Iterable<TopicPartitions>): Assignment {
  const merged = new Map<Uuid, Set<number>>();
  for (const { topicId, partitions } of topics) {
    const known = merged.get(topicId);
    if (known === undefined) merged.set(topicId, new Set(partitions));
    else for (const partition of partitions) known.add(partition);
  }
  return [...merged]
    .filter(([, partitions]) => partitions.size > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([topicId, partitions]) => ({ topicId, partitions: [...partitions].sort((a, b) => a - b) }));
}

/** The partitions of one topic in an assignment. */
export function partitionsOf(assignment: Assignment, topicId: Uuid): readonly number[] {
  return assignment.find((topic) => topic.topicId === topicId)?.partitions ?? [];
}

/** Whether `outer` contains all partitions of `inner`. */
export function isWithin(inner: readonly TopicPartitions[], outer: Assignment): boolean {
  return inner.every(({ topicId, partitions }) => {
    const allowed = new Set(partitionsOf(outer, topicId));
    return partitions.every((partition) => allowed.has(partition));
  });
}

/** Whether the two have a partition in common. */
export function overlap(a: readonly TopicPartitions[], b: Assignment): boolean {
  return a.some(({ topicId, partitions }) => {
    const others = partitionsOf(b, topicId);
    return others.length > 0 && partitions.some((partition) => others.includes(partition));
  });
}
