import type { Clock } from '../core/clock.ts';
import { answerWithin } from './deadline.ts';

/** Runs at most `count` tasks at a time. The others wait in the order of their calls. */
export class Slots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Whether a task would start at once. */
  get hasFree(): boolean {
    return this.#free > 0;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return this.#runNow(task);
  }

  /**
   * As `run`, but gives up waiting for a free slot after `waitMs`. Undefined if it gave up: the
   * task was not started.
   */
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
    // `delete` returns false if a slot was handed to this waiter just now; that is not a time-out.
    return answerWithin(clock, waitMs, taken, () => !this.#waiting.delete(take));
  }

  async #runNow<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } finally {
      const [next] = this.#waiting;
      // The slot goes directly to the next waiter, so that no new task can take it.
      if (next === undefined) this.#free++;
      else {
        this.#waiting.delete(next);
        next();
      }
    }
  }
}
