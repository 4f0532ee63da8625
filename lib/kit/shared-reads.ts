/** True while no `drop` has been called since the read began. */
export type IsCurrent = () => boolean;

export type Read<Value> = (isCurrent: IsCurrent) => Promise<Value>;

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Promise<Value>) => void;
}

interface Running<Value> {
  readonly promise: Promise<Value>;
  /** False while it waits for the pause before it. */
  hasBegun: boolean;
  next: (Deferred<Value> & { readonly read: Read<Value> }) | undefined;
}

/**
 * Calls for the same thing that are made at the same time share one read, by key. Also for what is no read but may be
 * repeated, such as a sync.
 */
export class SharedReads<Key, Value> {
  readonly #running = new Map<Key, Running<Value>>();
  readonly #pause: () => Promise<void> | undefined;

  /** `pause`: what each read waits for before it begins; undefined for nothing. */
  constructor(pause: () => Promise<void> | undefined = () => undefined) {
    this.#pause = pause;
  }

  /**
   * What `read` gives when it begins after this call: the result is never older than the call. While a read is running, all
   * calls share the next one, which begins as soon as that has ended, and before anybody hears of the end. Rejects with the
   * error of the read.
   */
  read(key: Key, read: Read<Value>): Promise<Value> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, read);
    if (!running.hasBegun) return running.promise;
    running.next ??= { read, ...deferred<Value>() };
    return running.next.promise;
  }

  /** The read that is running, whenever it began; a new one if there is none. */
  join(key: Key, read: Read<Value>): Promise<Value> {
    return this.running(key) ?? this.#start(key, read);
  }

  /** The read that is running. */
  running(key: Key): Promise<Value> | undefined {
    return this.#running.get(key)?.promise;
  }

  /** What is being read is out of date: nobody shares that read from now on. */
  drop(key: Key): void {
    this.#running.delete(key);
  }

  #start(key: Key, read: Read<Value>): Promise<Value> {
    const isCurrent = () => this.#running.get(key) === running;
    const begin = async () => {
      running.hasBegun = true;
      return read(isCurrent);
    };
    const end = () => {
      if (isCurrent()) this.#running.delete(key);
      running.next?.resolve(this.#start(key, running.next.read));
    };
    const { promise, resolve } = deferred<Value>();
    const running: Running<Value> = { promise: promise.finally(end), hasBegun: false, next: undefined };
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
