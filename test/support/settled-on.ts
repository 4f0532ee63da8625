import type { VirtualClock } from './virtual-clock.ts';

/** What a promise comes to while virtual time passes; throws if it has not by `withinMs` of it. */
export async function settledOn<T>(clock: VirtualClock, promise: Promise<T>, withinMs = 60_000): Promise<T> {
  let isSettled = false;
  const note = () => {
    isSettled = true;
  };
  promise.then(note, note);
  if (!(await clock.runUntil(() => isSettled, withinMs)))
    throw new Error(`no outcome within ${withinMs} ms of virtual time`);
  return promise;
}
