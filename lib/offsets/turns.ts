/** Lets one task at a time work on each of some keys, in the order of asking. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `task` once all tasks before it that share a key with it have ended. */
  async run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const before = [...new Set(keys)].map((key) => this.#last.get(key));
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    // All keys are taken at once, before anything is awaited, so that two tasks never wait for each other.
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
