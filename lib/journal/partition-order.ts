/**
 * Keeps the order of what is appended to a partition where some of it is not ready for the journal's queue at once: later
 * requests wait until the earlier ones have their place.
 */
export class PartitionOrder {
  readonly #held = new Map<number, Promise<unknown>>();

  /** True when nothing waits. */
  get idle(): boolean {
    return this.#held.size === 0;
  }

  /** Whether something for the partition has no place yet. */
  isHeld(partition: number): boolean {
    return this.#held.has(partition);
  }

  /** Calls `take` behind all that was placed before for the partition. It resolves once the place is taken. */
  place<T>(partition: number, take: () => Promise<{ result: Promise<T> }>): Promise<T> {
    const before = this.#held.get(partition) ?? Promise.resolve();
    const placed = before.then(take, take);
    this.#held.set(partition, placed);
    const done = () => {
      if (this.#held.get(partition) === placed) this.#held.delete(partition);
    };
    placed.then(done, done);
    return placed.then(({ result }) => result);
  }
}
