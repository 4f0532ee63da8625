import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { ItemStore, Stores } from './ports.ts';

/**
 * A failed write counts for so long, if nothing was written since: by then clients that were sent elsewhere may try again,
 * which shows whether it still fails; ms.
 */
const PROBLEM_HOLDS_MS = 60_000;

/** How often a problem that goes on is logged; ms. */
const LOG_EVERY_MS = 60_000;

/** Tells whether a store takes writes, by what became of the last ones, and logs when it fails. */
export class WriteWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #advice: string;
  #problem: { readonly message: string; readonly at: number } | undefined;
  #loggedAt = Number.NEGATIVE_INFINITY;

  /** `advice`: what a user can look at when the store takes no writes. */
  constructor(clock: Clock, logger: Logger, advice: string) {
    this.#clock = clock;
    this.#logger = logger;
    this.#advice = advice;
  }

  /** What keeps the store from taking writes; undefined where nothing does. */
  get problem(): string | undefined {
    const problem = this.#problem;
    if (problem === undefined || this.#clock.monotonic() - problem.at > PROBLEM_HOLDS_MS) return undefined;
    return `the store takes no writes: ${problem.message}`;
  }

  /** The same stores, with the outcomes of their writes looked at. */
  watch(stores: Stores): Stores {
    return {
      ...stores,
      journal: this.#items(stores.journal),
      state: this.#items(stores.state),
      blobs: {
        now: () => stores.blobs.now(),
        put: (key, chunks) => this.#look(stores.blobs.put(key, chunks)),
        getRange: (key, start, end) => stores.blobs.getRange(key, start, end),
        get: (key) => stores.blobs.get(key),
        delete: (key) => stores.blobs.delete(key),
        list: (prefix, after, limit) => stores.blobs.list(prefix, after, limit),
      },
      close: () => stores.close(),
    };
  }

  #items(store: ItemStore): ItemStore {
    return {
      now: () => store.now(),
      get: (pk, sk, consistent) => this.#lookAtRead(store.get(pk, sk, consistent)),
      query: (request) => this.#lookAtRead(store.query(request)),
      put: (item, condition, options) => this.#look(store.put(item, condition, options)),
      delete: (pk, sk, version, options) => this.#look(store.delete(pk, sk, version, options)),
    };
  }

  async #look<T extends WriteOutcome>(write: Promise<T>): Promise<T> {
    const outcome = await write;
    if (outcome.kind === 'committed' || outcome.kind === 'stored') this.#succeeded();
    else if (outcome.kind === 'unknown' || outcome.reason === 'unavailable') this.#failed(outcome.message ?? '');
    return outcome;
  }

  async #lookAtRead<T>(read: Promise<T>): Promise<T> {
    try {
      return await read;
    } catch (error) {
      // Whether reads work, who asks for the health of the process finds out by a read.
      this.#log(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #succeeded(): void {
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#loggedAt = Number.NEGATIVE_INFINITY;
    this.#logger.log('info', { event: 'store_recovered', message: 'the store takes writes again' });
  }

  #failed(message: string): void {
    this.#problem = { message, at: this.#clock.monotonic() };
    this.#log(message);
  }

  #log(message: string): void {
    const at = this.#clock.monotonic();
    if (at - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = at;
    this.#logger.log('error', {
      event: 'store_failing',
      message: `the store does not work: ${message}; ${this.#advice}`,
    });
  }
}

interface WriteOutcome {
  readonly kind: string;
  readonly reason?: string;
  readonly message?: string;
}
