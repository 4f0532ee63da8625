import { expect } from 'vitest';
import type { VirtualClock } from './virtual-clock.ts';

/** What a promise comes to while virtual time passes; fails if it has not by `withinMs` of it. */
export async function settledOn<T>(clock: VirtualClock, promise: Promise<T>, withinMs = 60_000): Promise<T> {
  let isSettled = false;
  const note = () => {
    isSettled = true;
  };
  promise.then(note, note);
  expect(await clock.runUntil(() => isSettled, withinMs)).toBe(true);
  return promise;
}
