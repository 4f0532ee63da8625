import { afterMicrotasks, type Clock } from '../core/clock.ts';
import { answerWithin } from '../kit/deadline.ts';

/**
 * Counts the store calls in progress and the timers that are set. Background work that no answer
 * waits for (a checkpoint, a lease, a refreshed topic) always has one of the two open.
 */
export class Activity {
  readonly #clock: Clock;
  #underWay = 0;
  #quiet: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same clock, with its timers counted. */
  get clock(): Clock {
    const base = this.#clock;
    return {
      now: () => base.now(),
      monotonic: () => base.monotonic(),
      setTimer: (delayMs, callback) => {
        const end = this.begin();
        const cancel = base.setTimer(delayMs, () => {
          end();
          callback();
        });
        return () => {
          end();
          cancel();
        };
      },
    };
  }

  /**
   * Counts one activity. Call the returned function when it has ended; further calls do nothing.
   */
  begin(): () => void {
    this.#underWay++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#underWay === 0) this.#quiet?.();
    };
  }

  /**
   * Resolves to true when nothing is in progress, or to false at `deadline` (Clock.monotonic(),
   * ms).
   */
  async settled(deadline: number): Promise<boolean> {
    for (;;) {
      // Lets an activity that has just ended start its next call or timer.
      await new Promise<void>(afterMicrotasks);
      if (this.#underWay === 0) return true;
      if (!(await this.#nextQuiet(deadline))) return false;
    }
  }

  #nextQuiet(deadline: number): Promise<boolean> {
    const left = deadline - this.#clock.monotonic();
    if (left <= 0) return Promise.resolve(false);
    const quiet = new Promise<boolean>((resolve) => {
      this.#quiet = () => resolve(true);
    });
    return answerWithin(this.#clock, left, quiet, () => false).finally(() => {
      this.#quiet = undefined;
    });
  }
}
