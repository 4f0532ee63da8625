import { offsetsBlockOf } from '../storage/items/committed-offsets.ts';
import { type BlockKey, cacheKey } from './block-store.ts';
import type { BlockTopic } from './decide.ts';

/** The part of a request that concerns one block. */
export interface BlockPart<T> {
  readonly key: BlockKey;
  readonly topic: BlockTopic;
  readonly wanted: readonly T[];
}

/** Groups the entries of a request by the blocks that store their partitions. */
export function splitIntoBlocks<T>(
  groupId: string,
  topics: readonly { readonly topic: BlockTopic; readonly wanted: readonly T[] }[],
  partitionOf: (wanted: T) => number,
): BlockPart<T>[] {
  const parts = new Map<string, { key: BlockKey; topic: BlockTopic; wanted: T[] }>();
  for (const { topic, wanted } of topics) {
    for (const one of wanted) {
      const key = { groupId, topicId: topic.id, block: offsetsBlockOf(partitionOf(one)) };
      const part = parts.get(cacheKey(key));
      if (part === undefined) parts.set(cacheKey(key), { key, topic, wanted: [one] });
      else part.wanted.push(one);
    }
  }
  return [...parts.values()];
}
