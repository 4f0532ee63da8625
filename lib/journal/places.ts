import type { LRUCache } from 'lru-cache';
import type { Offset } from '../core/offset.ts';
import { boundedMap } from '../kit/bounded-map.ts';

/** Places remembered for one journal; further consumers at other offsets only cost a longer look-up. */
const PLACES_MAX = 1_024;

/**
 * The slots at which readers stopped, by partition and next offset. A consumer that reads on finds its place without the
 * block index, which only leads to the neighbourhood. Never wrong: slots are never reused and offsets never move.
 */
export class Places {
  /** Made by the first reader: most journals of a process have none. */
  #slots: LRUCache<string, number> | undefined;

  get(partition: number, offset: Offset): number | undefined {
    return this.#slots?.get(`${partition}:${offset}`);
  }

  set(partition: number, offset: Offset, seq: number): void {
    this.#slots ??= boundedMap(PLACES_MAX);
    this.#slots.set(`${partition}:${offset}`, seq);
  }
}
