import type { Clock } from '../core/clock.ts';

/** Long work holds up everybody else for at most about so long; ms. */
const SLICE_MS = 10;

/**
 * Lets everybody else have a turn between the parts of long work. All long work of a process shares one slice of time per
 * turn of the event loop, so that many long requests delay a short one no more than one does.
 */
export class Pace {
  readonly #clock: Clock;
  /** A slice has begun in this turn of the event loop. */
  #isBegun = false;
  #sliceEndsAt = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Undefined where the work may go on at once; otherwise resolves when its turn has come, in the order of the calls. */
  turn(): Promise<void> | undefined {
    if (!this.#isBegun) {
      this.#begin();
      return undefined;
    }
    if (this.#clock.monotonic() < this.#sliceEndsAt) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #begin(): void {
    this.#isBegun = true;
    this.#sliceEndsAt = this.#clock.monotonic() + SLICE_MS;
    this.#clock.setTimer(0, () => {
      this.#isBegun = false;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#begin();
      next();
    });
  }
}
