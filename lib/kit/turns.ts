import type { Clock } from '../core/clock.ts';
import { Slots } from './slots.ts';

/** Work that may still be done before the event loop goes on; in bytes processed. */
export interface Work {
  left: number;
}

/** Waits for the next share of work; undefined when the result is no longer needed. */
export type NextWork = () => Promise<Work | undefined>;

/** What all small work may process in one turn of the event loop: a few milliseconds. */
const TURN_BYTES = 2 * 1024 * 1024;

/** What one job processes in a turn: about a millisecond. */
const SLICE_BYTES = 256 * 1024;

/** Jobs that run at once. Each holds memory (a decoder's window), and each takes a slice of every turn. */
const JOBS_MAX = 4;

/** The time that long requests share in one turn, and so the delay of a short request behind them; ms. */
const SLICE_MS = 10;

/**
 * Divides the event loop's time between long work and everything else. A turn begins with the first use after the event
 * loop has come round. In each turn
 * - small work is done at once, as long as `thisTurn` lasts,
 * - a job (`run`), which counts its work in bytes, gets a slice,
 * - all long requests together (`turn`), which do not know how much they have to do, get one slice of time: many of them
 *   delay a short request no more than one does.
 */
export class Turns {
  readonly #clock: Clock;
  #isBegun = false;
  readonly #thisTurn: Work = { left: TURN_BYTES };
  /** By Clock.monotonic(); undefined while no long request has worked in this turn. */
  #sliceEndsAt: number | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #jobs = new Slots(JOBS_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is left for small work in this turn; the caller subtracts what it has processed. */
  get thisTurn(): Work {
    this.#begin();
    return this.#thisTurn;
  }

  /** Whether a job would begin at once. */
  get hasRoom(): boolean {
    return this.#jobs.hasFree;
  }

  /** For long requests. Undefined: go on at once. Otherwise resolves when the caller may go on, in the order of the calls. */
  turn(): Promise<void> | undefined {
    this.#begin();
    const now = this.#clock.monotonic();
    this.#sliceEndsAt ??= now + SLICE_MS;
    if (now < this.#sliceEndsAt) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Runs a job once there is room for it. `next` gives what is left of this turn first, then a slice of each turn. */
  run<T>(job: (next: () => Promise<Work>) => Promise<T>): Promise<T> {
    return this.#jobs.run(() => {
      let isFirst = true;
      return job(() => {
        const takesRest = isFirst && this.#thisTurn.left > 0;
        isFirst = false;
        return takesRest ? Promise.resolve(this.thisTurn) : this.#nextSlice();
      });
    });
  }

  #nextSlice(): Promise<Work> {
    return new Promise((resolve) => {
      this.#clock.setTimer(0, () => resolve({ left: SLICE_BYTES }));
    });
  }

  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#clock.setTimer(0, () => this.#end());
  }

  #end(): void {
    this.#isBegun = false;
    this.#thisTurn.left = TURN_BYTES;
    this.#sliceEndsAt = undefined;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#begin();
    this.#sliceEndsAt = this.#clock.monotonic() + SLICE_MS;
    next();
  }
}
