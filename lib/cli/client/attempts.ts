import { type Clock, sleep } from '../../core/clock.ts';

/**
 * Limits the retries of an operation: whether another attempt is allowed, and the wait before it.
 */
export class Attempts {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #waitMs: number;
  #until: number;

  /**
   * @param timeoutMs how long attempts may be repeated, from now on
   * @param waitMs the wait between two attempts
   */
  constructor(clock: Clock, timeoutMs: number, waitMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#waitMs = waitMs;
    this.#until = clock.monotonic() + timeoutMs;
  }

  /** True when the time is over. */
  get areOver(): boolean {
    return this.#clock.monotonic() > this.#until;
  }

  /** Restarts the time, after a success. */
  restart(): void {
    this.#until = this.#clock.monotonic() + this.#timeoutMs;
  }

  /** Resolves after the wait, or when `signal` aborts. */
  wait(signal?: AbortSignal): Promise<void> {
    return sleep(this.#clock, this.#waitMs, signal);
  }
}
