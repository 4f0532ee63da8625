import type { StoreTime } from '../storage/ports.ts';

/** The first put of an item of a group is signed within so long of what it was decided by; ms. */
export const FIRST_PUT_SIGNED_WITHIN_MS = 10 * 60 * 1000;

/** Well past that and the life of a signature; ms. */
const SETTLED_AFTER_MS = 60 * 60 * 1000;

/**
 * Whether an item of that version, which is the store time of its writing, may be removed: nothing that was sent while it was
 * not there yet, as by a process that was frozen meanwhile, can land any more, so its version never goes back (rule R9).
 */
export function isSettled(version: StoreTime, now: StoreTime): boolean {
  return now - version > SETTLED_AFTER_MS;
}
