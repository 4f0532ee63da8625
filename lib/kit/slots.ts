import type { Clock } from '../core/clock.ts';

/** Lets so many run at a time; the others wait in the order in which they came. */
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

  /** As `run`, but `undefined`, and the task is not begun, where no slot was free within `waitMs`. */
  async runWithin<T>(clock: Clock, waitMs: number, task: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
    if (this.#free > 0) this.#free--;
    else if (!(await this.#isOneFree(clock, waitMs))) return undefined;
    return { value: await this.#runNow(task) };
  }

  #isOneFree(clock: Clock, waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const take = () => {
        cancel();
        resolve(true);
      };
      const cancel = clock.setTimer(waitMs, () => {
        this.#waiting.delete(take);
        resolve(false);
      });
      this.#waiting.add(take);
    });
  }

  async #runNow<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } finally {
      const [next] = this.#waiting;
      // The slot goes on to whoever waits.
      if (next === undefined) this.#free++;
      else {
        this.#waiting.delete(next);
        next();
      }
    }
  }
}
