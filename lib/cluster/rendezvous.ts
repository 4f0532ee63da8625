/**
 * The node with the highest hash of key and node id (rendezvous hashing). All processes with the
 * same nodes choose the same one, and when a node leaves, only its keys move. Pure; undefined
 * without nodes. The order of `nodeIds` does not matter.
 */
export function rendezvous(key: string, nodeIds: Iterable<number>): number | undefined {
  const seed = hash(key);
  let best: number | undefined;
  let bestScore = -1;
  for (const nodeId of nodeIds) {
    const score = mix(seed ^ mix(nodeId + 1));
    const wins = score > bestScore || (score === bestScore && nodeId < best!);
    if (wins) [best, bestScore] = [nodeId, score];
  }
  return best;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a over UTF-16 units; `mix` improves its distribution. */
function hash(key: string): number {
  let value = FNV_OFFSET;
  for (let index = 0; index < key.length; index++) value = Math.imul(value ^ key.charCodeAt(index), FNV_PRIME);
  return mix(value);
}

/**
 * The finalizer of MurmurHash3: every input bit affects every output bit. An unsigned 32-bit
 * number.
 */
function mix(input: number): number {
  let value = input | 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
