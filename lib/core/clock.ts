/**
 * The engine's source of time. No other file of lib reads a clock or sets a timer, so that tests
 * and the simulation can control time (test/tidy.test.ts enforces it).
 */
export interface Clock {
  /**
   * Wall time in ms since the Unix epoch. It may jump, so no decision rests on it alone (see
   * StoreClock).
   */
  now(): number;
  /** Monotonic time in ms since a fixed moment; for durations. */
  monotonic(): number;
  /**
   * Calls back once after `delayMs`, never earlier. With 0: in the next iteration of the event
   * loop. Returns a function that cancels the timer.
   */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** Longest delay that Node accepts; it fires a timer with a longer delay at once; ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    if (delayMs === 0) {
      // setTimeout takes at least 1 ms, and a busy machine runs other processes meanwhile.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const dueAt = performance.now() + delayMs;
    // Node counts whole milliseconds from the start of the current one, so its timer can fire
    // almost 2 ms early.
    const whenDue = () => {
      const leftMs = dueAt - performance.now();
      if (leftMs <= 0) return callback();
      timer = setTimeout(whenDue, Math.min(Math.ceil(leftMs), TIMER_MS_MAX));
    };
    let timer = setTimeout(whenDue, Math.min(delayMs, TIMER_MS_MAX));
    return () => clearTimeout(timer);
  },
};

/**
 * Calls back when the microtask queue is empty, before the event loop continues (Node runs a tick
 * only then). Takes no time, so it is not part of the clock.
 */
export function afterMicrotasks(callback: () => void): void {
  process.nextTick(callback);
}

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimer(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
