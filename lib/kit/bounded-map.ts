import { LRUCache } from 'lru-cache';

/**
 * A map of at most `max` entries; beyond it the least recently used go. `get` and `set` count as use, `peek` and `has` do
 * not. `onRemoved` is called for each value that goes, also when it is replaced or deleted; it must not change the map.
 */
export function boundedMap<Key extends {}, Value extends {}>(
  max: number,
  onRemoved?: (value: Value) => void,
): LRUCache<Key, Value> {
  return new LRUCache({
    // Not lru-cache's `max`, which reserves memory for all entries at once: 24 KB for 1,024 of them.
    maxSize: max,
    sizeCalculation: () => 1,
    ...(onRemoved !== undefined && { dispose: onRemoved }),
  });
}
