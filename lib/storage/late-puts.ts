import type { StoreTime } from './ports.ts';

/** The first put of an item is signed within this time of the facts that it was decided by; ms. */
export const FIRST_PUT_SIGNED_WITHIN_MS = 10 * 60 * 1000;

/** Longer than that and the life of a signature together; ms. */
const SETTLED_AFTER_MS = 60 * 60 * 1000;

/**
 * Whether an item may be removed. `version` is the store time at which it was written. A put that
 * was sent before the item existed, for example by a process that was frozen, can no longer land,
 * so that the item's version never goes back (rule R9).
 */
export function isSettled(version: StoreTime, now: StoreTime): boolean {
  return now - version > SETTLED_AFTER_MS;
}
