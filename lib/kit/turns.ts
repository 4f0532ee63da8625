import type { Clock } from '../core/clock.ts';
import { Slots } from './slots.ts';

/** The work allowed before the event loop continues; bytes processed. */
export interface Work {
  left: number;
}

/** Waits for the next share of work; undefined when the result is no longer needed. */
export type NextWork = () => Promise<Work | undefined>;

/** Total work of all small tasks in one turn of the event loop: a few milliseconds; bytes. */
const TURN_BYTES = 2 * 1024 * 1024;

/** Work of one job in a turn: about a millisecond; bytes. */
const SLICE_BYTES = 256 * 1024;

/**
 * Jobs that run at once. Each holds memory (a decoder's window) and takes a slice of every turn.
 */
const JOBS_MAX = 4;

/**
 * Time that all long requests share in one turn, so a short request waits no longer for them; ms.
 */
const SLICE_MS = 10;

/**
 * Divides the event loop's time between long work and everything else. A turn starts with the first
 * call after an iteration of the event loop. In each turn:
 * - small work runs at once, until `thisTurn` is used up;
 * - each job (`run`), which counts its work in bytes, gets a slice;
 * - all long requests together (`turn`), which cannot predict their work, get one slice of time, so
 *   that many of them delay a short request no more than one does.
 */
export class Turns {
  readonly #clock: Clock;
  #isBegun = false;
  readonly #thisTurn: Work = { left: TURN_BYTES };
  /** By Clock.monotonic(); undefined until a long request works in this turn. */
  #sliceEndsAt: number | undefined;
  readonly #waiting: (() => void)[] = [];
  readonly #jobs = new Slots(JOBS_MAX);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The small work left in this turn. The caller subtracts what it has processed. */
  get thisTurn(): Work {
    this.#begin();
    return this.#thisTurn;
  }

  /** Whether a job would start at once. */
  get hasRoom(): boolean {
    return this.#jobs.hasFree;
  }

  /**
   * For long requests. Undefined: continue at once. Otherwise resolves when the caller may
   * continue, in the order of the calls.
   */
  turn(): Promise<void> | undefined {
    this.#begin();
    const now = this.#clock.monotonic();
    this.#sliceEndsAt ??= now + SLICE_MS;
    if (now < this.#sliceEndsAt) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /**
   * Runs a job once a slot is free. The first `next` gives the rest of the current turn, each later
   * one a slice of a turn.
   */
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
