import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { ItemStore, Stores } from './ports.ts';

/**
 * How long a failed write counts if nothing was written since; ms. After it, clients that went to
 * another process may return, and their writes show whether the store still fails.
 */
const PROBLEM_HOLDS_MS = 60_000;

/**
 * How long calls over a network fail before it is reported; ms. A single answer may get lost, and
 * a process that was paused loses all its connections. A failure of the local disk is reported at
 * once.
 */
export const SUSTAINED_OVER_NETWORK_MS = 2_000;

/**
 * How many calls over a network fail one after the other before it is reported. After a pause, the
 * first calls fail on connections that ended meanwhile, however long ago the last failure was.
 */
const SUSTAINED_CALLS = 3;

/** How often a continuing problem is logged; ms. */
const LOG_EVERY_MS = 60_000;

/** Tracks whether a store takes writes, by the outcomes of the last ones, and logs failures. */
export class WriteWatch {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #advice: string;
  readonly #sustainedMs: number;
  #problem: { readonly message: string; readonly at: number } | undefined;
  readonly #writes: Streak = { since: 0, calls: 0, lastAt: 0 };
  readonly #reads: Streak = { since: 0, calls: 0, lastAt: 0 };
  #loggedAt = Number.NEGATIVE_INFINITY;

  /**
   * `advice`: what a user should check when the store takes no writes. `sustainedMs`: how long it
   * fails before it is reported.
   */
  constructor(clock: Clock, logger: Logger, advice: string, sustainedMs: number) {
    this.#sustainedMs = sustainedMs;
    this.#clock = clock;
    this.#logger = logger;
    this.#advice = advice;
  }

  /** Why the store takes no writes; undefined while it takes them. */
  get problem(): string | undefined {
    const problem = this.#problem;
    if (problem === undefined || this.#clock.monotonic() - problem.at > PROBLEM_HOLDS_MS) return undefined;
    return `the store takes no writes: ${problem.message}`;
  }

  /** The same stores; the outcome of every write is tracked. */
  watch(stores: Stores): Stores {
    return {
      ...stores,
      journal: this.#items(stores.journal),
      state: this.#items(stores.state),
      blobs: {
        now: () => stores.blobs.now(),
        put: (key, chunks, options) => this.#look(stores.blobs.put(key, chunks, options)),
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
    const began = this.#clock.monotonic();
    const outcome = await write;
    // A conflict shows, too, that the store answers writes.
    if (outcome.kind === 'committed' || outcome.kind === 'stored' || outcome.kind === 'conflict') this.#succeeded();
    else if (outcome.kind === 'unknown' || outcome.reason === 'unavailable') this.#failed(began, outcome.message ?? '');
    return outcome;
  }

  async #lookAtRead<T>(read: Promise<T>): Promise<T> {
    const began = this.#clock.monotonic();
    try {
      const answer = await read;
      this.#reads.calls = 0;
      return answer;
    } catch (error) {
      // Reads are not tracked: the health check makes a read of its own.
      if (this.#isSustained(this.#reads, began)) this.#log(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /**
   * Whether a call that failed shows that calls have failed for long enough. Calls in progress fail
   * together when a connection breaks or this process was paused, so they count once: a failure
   * counts if its call began after the failure counted before.
   */
  #isSustained(streak: Streak, began: number): boolean {
    if (this.#sustainedMs === 0) return true;
    const now = this.#clock.monotonic();
    if (streak.calls === 0 || now - streak.lastAt > PROBLEM_HOLDS_MS) {
      streak.since = now;
      streak.calls = 1;
      streak.lastAt = now;
    } else if (began > streak.lastAt) {
      streak.calls += 1;
      streak.lastAt = now;
    }
    return streak.calls >= SUSTAINED_CALLS && now - streak.since >= this.#sustainedMs;
  }

  #succeeded(): void {
    this.#writes.calls = 0;
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    this.#loggedAt = Number.NEGATIVE_INFINITY;
    this.#logger.log('info', { event: 'store_recovered', message: 'the store takes writes again' });
  }

  #failed(began: number, message: string): void {
    if (!this.#isSustained(this.#writes, began)) return;
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

/** Failures without a success in between. */
interface Streak {
  /** Clock.monotonic() of the first failure. */
  since: number;
  /** The failures that count; 0 after a success. */
  calls: number;
  /** Clock.monotonic() of the last failure that counts. */
  lastAt: number;
}

interface WriteOutcome {
  readonly kind: string;
  readonly reason?: string;
  readonly message?: string;
}
