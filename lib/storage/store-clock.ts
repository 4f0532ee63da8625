import type { Clock } from '../core/clock.ts';
import type { StoreTime } from './ports.ts';

/**
 * Store time as one client knows it: the time in the last answer plus the time elapsed since by a
 * monotonic clock. The local wall clock is not used.
 */
export class StoreClock {
  readonly #clock: Clock;
  readonly #granularityMs: number;
  #time = Number.NaN;
  #asOf = 0;

  /** `granularityMs`: how coarse the answers' times are; a `Date` header counts whole seconds. */
  constructor(clock: Clock, granularityMs: number) {
    this.#clock = clock;
    this.#granularityMs = granularityMs;
  }

  /** NaN before the first answer. */
  now(): StoreTime {
    return Math.floor(this.#time + (this.#clock.monotonic() - this.#asOf));
  }

  /**
   * Call when a request leaves and pass the result to `observe`. Ms of the client's monotonic
   * clock.
   */
  sending(): number {
    return this.#clock.monotonic();
  }

  /**
   * Takes the time in an answer and returns the store time at which the answer was given.
   *
   * The true time of the answer lies in [told, told + granularity); the true time now is later by
   * the way back, at most by what has passed since `sentAt`. An estimate from earlier answers that
   * fits is finer than the header and is kept; any other is moved to the nearest end. The result
   * never includes the way back: the age of a view counts from the answer that confirmed it,
   * however late it arrived.
   */
  observe(told: StoreTime, sentAt: number): StoreTime {
    const arrived = this.#clock.monotonic();
    const latest = told + this.#granularityMs - 1;
    const estimate = this.now();
    const fitting = Math.min(Number.isNaN(estimate) ? told : Math.max(estimate, told), latest + (arrived - sentAt));
    if (fitting !== estimate) {
      this.#time = fitting;
      this.#asOf = arrived;
    }
    return Math.min(fitting, latest);
  }
}
