/**
 * Time as the engine sees it. No other file of lib reads a clock or sets a timer, so that tests and the simulation can
 * drive time themselves (test/tidy.test.ts enforces it).
 */
export interface Clock {
  /** Wall time in ms since the Unix epoch. May jump; decides nothing by itself (see StoreClock). */
  now(): number;
  /** Milliseconds since some fixed moment, never going back; for durations. */
  monotonic(): number;
  /** Calls back once after `delayMs`, never earlier; with 0, after the event loop has come round. Returns a function that cancels. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** Node fires a timer with a longer delay at once; ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer(delayMs, callback) {
    if (delayMs === 0) {
      // A time-out takes a millisecond at least, in which a busy machine gives the processor to others.
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const dueAt = performance.now() + delayMs;
    // Node counts whole milliseconds, from one that has begun, so that its timer may be early by almost two.
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
 * Calls back once no promise has anything left to do, before the event loop goes on: Node runs a tick only when the whole
 * microtask queue is empty. Takes no time, so that it is not part of the clock.
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
