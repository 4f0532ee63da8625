import type { RestPartition } from '../../storage/items/rest-consumer.ts';

/** Whether two name the same partition of the same topic. */
export function isSamePartition(a: RestPartition, b: RestPartition): boolean {
  return a.partition === b.partition && a.topicId === b.topicId;
}

/** Whether a partition is in a list. */
export function hasPartition(partitions: readonly RestPartition[], one: RestPartition): boolean {
  return partitions.some((other) => isSamePartition(one, other));
}
