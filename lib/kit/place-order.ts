/**
 * Keeps the order of appends of which some cannot take their place in a journal's queue at once: a batch that takes long to
 * open, or a topic that has to be read first. Later appends with the same key wait until the earlier ones have their place.
 */
export class PlaceOrder<Key> {
  readonly #held = new Map<Key, Promise<unknown>>();

  /** True when nothing waits. */
  get idle(): boolean {
    return this.#held.size === 0;
  }

  /** Whether an append with that key has no place yet. */
  isHeld(key: Key): boolean {
    return this.#held.has(key);
  }

  /**
   * Calls `take` after all earlier ones with that key have their place. `take` resolves once its own place is taken. It
   * wraps its result, so that the next one waits for the place and not for the outcome.
   */
  place<T>(key: Key, take: () => Promise<{ result: Promise<T> }>): Promise<T> {
    const before = this.#held.get(key) ?? Promise.resolve();
    const placed = before.then(take, take);
    this.#held.set(key, placed);
    const done = () => {
      if (this.#held.get(key) === placed) this.#held.delete(key);
    };
    placed.then(done, done);
    return placed.then(({ result }) => result);
  }
}
