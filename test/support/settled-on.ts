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

/** The same for work that also waits for what is no timer: modules that are loaded, the thread pool. */
export async function settledInTurns<T>(clock: VirtualClock, promise: Promise<T>, stepMs = 60_000): Promise<T> {
  let isSettled = false;
  const note = () => {
    isSettled = true;
  };
  promise.then(note, note);
  while (!isSettled) {
    await clock.runUntil(() => isSettled, stepMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}
