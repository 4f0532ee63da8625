import { LRUCache } from 'lru-cache';

/**
 * A map of at most `max` entries that evicts the least recently used. `get` and `set` count as use,
 * `peek` and `has` do not. `onRemoved` is called for each evicted, replaced or deleted value; it
 * must not change the map.
 */
export function boundedMap<Key extends {}, Value extends {}>(
  max: number,
  onRemoved?: (value: Value) => void,
): LRUCache<Key, Value> {
  return new LRUCache({
    // lru-cache's `max` would allocate memory for all entries up front: 24 KB for 1,024 of them.
    maxSize: max,
    sizeCalculation: () => 1,
    ...(onRemoved !== undefined && { dispose: onRemoved }),
  });
}
