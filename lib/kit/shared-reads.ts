/**
 * Reads of the same thing that are asked for at the same time share one read, as long as it begins after the call: what a
 * call gives is never older than the call.
 */
export class SharedReads<Key, Value> {
  readonly #running = new Map<Key, Promise<Value>>();
  /** Begun as soon as the running one has ended, for all who have asked meanwhile. */
  readonly #next = new Map<Key, Promise<Value>>();

  /** What `read` gives when it is begun after this call. Rejects with its error. */
  read(key: Key, read: () => Promise<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, read);
    let next = this.#next.get(key);
    if (next === undefined) {
      const begin = () => {
        this.#next.delete(key);
        return this.#start(key, read);
      };
      next = running.then(begin, begin);
      this.#next.set(key, next);
    }
    return next;
  }

  #start(key: Key, read: () => Promise<Value>): Promise<Value> {
    const running = read().finally(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    this.#running.set(key, running);
    return running;
  }
}
