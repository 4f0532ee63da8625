import type { LRUCache } from 'lru-cache';
import type { Offset } from '../core/offset.ts';
import { boundedMap } from '../kit/bounded-map.ts';

/** Places remembered per journal. Without a place a look-up only takes longer. */
const PLACES_MAX = 1_024;

/**
 * The slots where readers stopped, by partition and next offset. A consumer continues there without
 * the block index, which gives only the start of a block. A place never becomes wrong: slots are
 * never reused and offsets never move.
 */
export class Places {
  /** Created for the first reader, because most journals of a process have none. */
  #slots: LRUCache<string, number> | undefined;

  get(partition: number, offset: Offset): number | undefined {
    return this.#slots?.get(`${partition}:${offset}`);
  }

  set(partition: number, offset: Offset, seq: number): void {
    this.#slots ??= boundedMap(PLACES_MAX);
    this.#slots.set(`${partition}:${offset}`, seq);
  }
}
