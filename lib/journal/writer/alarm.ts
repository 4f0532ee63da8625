import type { Clock } from '../../core/clock.ts';

/** Longest delay of the alarm; a later deadline is checked again after this time; ms. */
const DELAY_MAX_MS = 60 * 60 * 1000;

/** Calls back at the earliest of the deadlines that it was set to. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  /** By Clock.monotonic(); Infinity if it is not set. */
  #at = Number.POSITIVE_INFINITY;
  #cancel = () => {};

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Whether the deadline has passed. After a pause of the process, it has not rung yet. */
  isDue(now: number): boolean {
    return now >= this.#at;
  }

  /** @param deadline by Clock.monotonic(); ms */
  set(deadline: number): void {
    if (deadline >= this.#at) return;
    this.#cancel();
    this.#at = deadline;
    const delay = Math.min(Math.max(1, Math.ceil(deadline - this.#clock.monotonic())), DELAY_MAX_MS);
    this.#cancel = this.#clock.setTimer(delay, this.#ring);
  }

  clear(): void {
    this.#cancel();
    this.#at = Number.POSITIVE_INFINITY;
  }
}
