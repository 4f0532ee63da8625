import { NAME_WITHIN_MS, OBJECT_GRACE_MS } from '../journal/checkpoint.ts';
import type { DueItem } from '../storage/items/due.ts';
import { MAX_SIGNATURE_AGE_MS, type StoreTime } from '../storage/ports.ts';

/**
 * For an object older than this two things are certain: nothing will name it any more (signed within
 * NAME_WITHIN_MS, landed within MAX_SIGNATURE_AGE_MS after that), and if something names it, it has
 * done so for the grace period (rule R5); ms.
 */
export const OBJECT_SETTLED_AFTER_MS = NAME_WITHIN_MS + MAX_SIGNATURE_AGE_MS + OBJECT_GRACE_MS;

/** Time for the PUT of an object after its due item; ms. */
const PUT_MARGIN_MS = 10 * 60 * 1000;

/** What to add to the due list before an object is stored, at store time `now`. */
export function newObjectDue(key: string, now: StoreTime): DueItem {
  return { kind: 'object', name: key, at: Math.ceil(now) + OBJECT_SETTLED_AFTER_MS + PUT_MARGIN_MS };
}
