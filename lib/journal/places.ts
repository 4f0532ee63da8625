import type { Offset } from '../core/offset.ts';

/** Places remembered for one journal; more consumers than this at different offsets only cost a longer look-up. */
const PLACES_MAX = 1_024;

/**
 * The slots at which readers stopped, by partition and next offset: a consumer that reads on finds its place without the
 * block index, which leads only to the neighbourhood. Never wrong, as slots are never reused and offsets never move.
 */
export class Places {
  readonly #slots = new Map<string, number>();

  get(partition: number, offset: Offset): number | undefined {
    return this.#slots.get(`${partition}:${offset}`);
  }

  set(partition: number, offset: Offset, seq: number): void {
    const key = `${partition}:${offset}`;
    this.#slots.delete(key);
    this.#slots.set(key, seq);
    if (this.#slots.size > PLACES_MAX) {
      const oldest = this.#slots.keys().next();
      if (!oldest.done) this.#slots.delete(oldest.value);
    }
  }
}
