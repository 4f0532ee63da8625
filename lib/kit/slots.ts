import type { Clock } from '../core/clock.ts';
import { answerWithin } from './deadline.ts';

/** Lets `count` tasks run at a time, whoever brings them; the others wait in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Whether a task would begin at once. */
  get hasFree(): boolean {
    return this.#free > 0;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return this.#runNow(task);
  }

  /** As `run`. Undefined if no slot was free within `waitMs`: then the task was not begun. */
  async runWithin<T>(clock: Clock, waitMs: number, task: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
    if (this.#free > 0) this.#free--;
    else if (!(await this.#isOneFree(clock, waitMs))) return undefined;
    return { value: await this.#runNow(task) };
  }

  #isOneFree(clock: Clock, waitMs: number): Promise<boolean> {
    let take = () => {};
    const taken = new Promise<boolean>((resolve) => {
      take = () => resolve(true);
    });
    this.#waiting.add(take);
    // Nobody waits there any more whose slot has just been handed over.
    return answerWithin(clock, waitMs, taken, () => !this.#waiting.delete(take));
  }

  async #runNow<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } finally {
      const [next] = this.#waiting;
      // Handed over directly, so that nobody slips in between.
      if (next === undefined) this.#free++;
      else {
        this.#waiting.delete(next);
        next();
      }
    }
  }
}
