/** Runs tasks exclusively per key, in order of arrival. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `task` once all earlier tasks that share a key with it have ended. */
  async run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const before = [...new Set(keys)].map((key) => this.#last.get(key));
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    // Take all keys at once, before the first await, so that two tasks cannot deadlock.
    for (const key of keys) this.#last.set(key, ended);
    await Promise.all(before);
    try {
      return await task();
    } finally {
      for (const key of keys) if (this.#last.get(key) === ended) this.#last.delete(key);
      end();
    }
  }
}
