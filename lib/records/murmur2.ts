import { assert } from '../core/assert.ts';

/** The seed of Kafka's clients (org.apache.kafka.common.utils.Utils.murmur2). */
const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/** MurmurHash2 of `data` as Kafka's partitioners compute it: a signed 32-bit number. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let hash = SEED ^ length;
  const tail = length & ~3;
  for (let at = 0; at < tail; at += 4) {
    let word = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    word = Math.imul(word, MULTIPLIER);
    word ^= word >>> 24;
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(word, MULTIPLIER);
  }
  if (tail < length) {
    for (let at = length - 1; at >= tail; at--) hash ^= data[at]! << ((at - tail) * 8);
    hash = Math.imul(hash, MULTIPLIER);
  }
  hash ^= hash >>> 13;
  hash = Math.imul(hash, MULTIPLIER);
  return hash ^ (hash >>> 15);
}

/**
 * The partition, 0 to `partitions - 1`, of a record with this key by Kafka's default partitioner.
 * All clients send records of one key to the same partition (BuiltInPartitioner.partitionForKey).
 */
export function partitionForKey(key: Uint8Array, partitions: number): number {
  assert(Number.isSafeInteger(partitions) && partitions > 0, `a topic has at least one partition, not ${partitions}`);
  return (murmur2(key) & 0x7fffffff) % partitions;
}
