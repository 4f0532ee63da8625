import { OFFSETS_TOPIC } from '../topics/topic-name.ts';
import type { Broker } from './broker.ts';

/**
 * The partition of `__consumer_offsets` that stands for a group (Kafka:
 * GroupCoordinatorService.partitionFor). Throws StoreUnavailableError.
 */
export async function offsetsPartition(broker: Broker, groupId: string): Promise<number> {
  const topic = await broker.admin.topics.get(OFFSETS_TOPIC);
  return partitionOfText(groupId, topic?.record.partitions ?? 1);
}

/** By Java's String.hashCode, and Kafka's Utils.abs. */
export function partitionOfText(text: string, partitions: number): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash === -(2 ** 31) ? 0 : Math.abs(hash) % partitions;
}
