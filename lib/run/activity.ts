import { afterMicrotasks, type Clock } from '../core/clock.ts';

/**
 * Counts what a process has under way: calls to its stores, and timers of those who wait to go on. Work that an answer does not
 * wait for (a checkpoint, a lease, a topic that is read anew) is one or the other at any time.
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

  /** Something begins; to be called once it has ended, more than once does nothing. */
  begin(): () => void {
    this.#underWay++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#underWay === 0) this.#quiet?.();
    };
  }

  /** Resolves once nothing is under way, or at `deadline` (Clock.monotonic()); whether it was the former. */
  async settled(deadline: number): Promise<boolean> {
    for (;;) {
      // Whatever has just ended has begun its next call or timer by then.
      await new Promise<void>(afterMicrotasks);
      if (this.#underWay === 0) return true;
      if (!(await this.#nextQuiet(deadline))) return false;
    }
  }

  #nextQuiet(deadline: number): Promise<boolean> {
    const left = deadline - this.#clock.monotonic();
    if (left <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const done = (isQuiet: boolean) => {
        this.#quiet = undefined;
        cancel();
        resolve(isQuiet);
      };
      const cancel = this.#clock.setTimer(left, () => done(false));
      this.#quiet = () => done(true);
    });
  }
}
