/** True while no `drop` has been called since the read began. */
export type IsCurrent = () => boolean;

export type Read<Value> = (isCurrent: IsCurrent) => Promise<Value>;

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Promise<Value>) => void;
}

interface Running<Value> {
  readonly promise: Promise<Value>;
  /** False while it waits for its pause. */
  hasBegun: boolean;
  isDropped: boolean;
  next: (Deferred<Value> & { readonly read: Read<Value> }) | undefined;
}

/**
 * Lets concurrent calls with the same key share one read. Also usable for other operations that may
 * be repeated, such as a sync.
 */
export class SharedReads<Key, Value> {
  readonly #running = new Map<Key, Running<Value>>();
  readonly #pause: () => Promise<void> | undefined;

  /** `pause`: each read waits for it before it begins; undefined for no wait. */
  constructor(pause: () => Promise<void> | undefined = () => undefined) {
    this.#pause = pause;
  }

  /**
   * The result of a read that begins after this call, so it is never older than the call. While a
   * read is running, all calls share the next one. That one starts as soon as the running read
   * ends, before its callers get their result. Rejects with the error of the read.
   */
  read(key: Key, read: Read<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, read);
    if (!running.hasBegun) return running.promise;
    running.next ??= { read, ...deferred<Value>() };
    return running.next.promise;
  }

  /** Joins the running read, regardless of when it began; starts one if there is none. */
  join(key: Key, read: Read<Value>): Promise<Value> {
    return this.running(key) ?? this.#start(key, read);
  }

  /** The read that is running. */
  running(key: Key): Promise<Value> | undefined {
    return this.#running.get(key)?.promise;
  }

  /** Marks the running read as outdated: later calls do not share it. */
  drop(key: Key): void {
    const running = this.#running.get(key);
    if (running !== undefined) running.isDropped = true;
    this.#running.delete(key);
  }

  #start(key: Key, read: Read<Value>): Promise<Value> {
    const isCurrent = () => !running.isDropped;
    const begin = async () => {
      running.hasBegun = true;
      return read(isCurrent);
    };
    const end = () => {
      if (this.#running.get(key) === running) this.#running.delete(key);
      // Calls that came after a drop may have started a read already, which began after these.
      running.next?.resolve(this.join(key, running.next.read));
    };
    const { promise, resolve } = deferred<Value>();
    const running: Running<Value> = {
      promise: promise.finally(end),
      hasBegun: false,
      isDropped: false,
      next: undefined,
    };
    this.#running.set(key, running);
    const pause = this.#pause();
    resolve(pause === undefined ? begin() : pause.then(begin));
    return running.promise;
  }
}

function deferred<Value>(): Deferred<Value> {
  let resolve: Deferred<Value>['resolve'] = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
