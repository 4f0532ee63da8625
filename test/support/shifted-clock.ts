import { type Clock, systemClock } from '../../lib/core/clock.ts';

/** The system's clock, which can be put forward; timers run as ever. */
export class ShiftedClock implements Clock {
  #shiftMs = 0;

  now(): number {
    return systemClock.now() + this.#shiftMs;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#shiftMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    return systemClock.setTimer(delayMs, callback);
  }

  forward(ms: number): void {
    this.#shiftMs += ms;
  }
}
