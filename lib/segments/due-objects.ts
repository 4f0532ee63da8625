import { NAME_WITHIN_MS, OBJECT_GRACE_MS, OBJECT_SETTLED_AFTER_MS } from '../journal/checkpoint.ts';
import { each } from '../kit/each.ts';
import type { DueItem } from '../storage/items/due.ts';
import type { StoredSegment } from '../storage/items/segment.ts';
import { type Stores, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { DueList, FoundDue } from './due-list.ts';

/**
 * The PUT of an object is signed within this time after its due item was made. A process that was
 * frozen between the two does not store an object whose due item was looked at meanwhile; ms.
 */
const PUT_MARGIN_MS = 10 * 60 * 1000;

/** What to add to the due list before an object is stored, at store time `now`. */
export function newObjectDue(key: string, now: StoreTime): DueItem {
  return { kind: 'object', name: key, at: Math.ceil(now) + OBJECT_SETTLED_AFTER_MS + PUT_MARGIN_MS };
}

export interface StoredObject {
  /** To be taken off the list once the object is named and its items are written. */
  readonly due: FoundDue;
  /** An entry that names the object is signed before this store time (rule R5). */
  readonly signBefore: StoreTime;
}

/**
 * Stores an object that nothing names yet. Its due item comes first, so that the object is found if
 * nothing ever names it. Throws StoreUnavailableError.
 */
export async function storeObject(
  due: DueList,
  { journal, blobs }: Stores,
  key: string,
  chunks: readonly Buffer[],
): Promise<StoredObject> {
  const now = journal.now();
  const item = await due.add(newObjectDue(key, now));
  const stored = await blobs.put(key, chunks, { signBefore: now + PUT_MARGIN_MS });
  if (stored.kind !== 'stored') throw new StoreUnavailableError(`object ${key} was not stored: ${stored.message}`);
  return { due: item, signBefore: stored.storeTime + NAME_WITHIN_MS };
}

/**
 * Puts the objects of segments on the due list, to be looked at after the grace period of rule R5.
 * Called before the items of these segments are deleted: afterwards nothing tells which objects they
 * were in. Throws StoreUnavailableError.
 */
export async function putUnnamedDue(due: DueList, segments: readonly StoredSegment[], now: StoreTime): Promise<void> {
  const keys = new Set(segments.map(({ key }) => key));
  await each({}, [...keys], (name) => due.add({ kind: 'object', name, at: now + OBJECT_GRACE_MS }));
}
