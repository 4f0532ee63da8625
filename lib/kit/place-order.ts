/**
 * Keeps the order of appends when some cannot enter a journal's queue at once: the batch takes long
 * to decompress, or its topic has to be read first. Later appends with the same key wait until the
 * earlier ones have their place in the queue.
 */
export class PlaceOrder<Key> {
  readonly #held = new Map<Key, Promise<unknown>>();

  /** True if no append waits. */
  get idle(): boolean {
    return this.#held.size === 0;
  }

  /** Whether an append with that key still waits for its place. */
  isHeld(key: Key): boolean {
    return this.#held.has(key);
  }

  /**
   * Calls `take` after all earlier appends with that key have their place. `take` resolves once its
   * own place is taken. Its result is wrapped, so that the next append waits for the place and not
   * for the outcome.
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
