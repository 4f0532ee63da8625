import { OBJECT_GRACE_MS } from '../journal/checkpoint.ts';
import { each } from '../kit/each.ts';
import type { StoredSegment } from '../storage/items/segment.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { DueList } from './due-list.ts';

/**
 * Puts the objects of segments on the due list, to be looked at after the grace period of rule R5.
 * Called before the items of these segments are deleted: afterwards nothing tells which objects they
 * were in. Throws StoreUnavailableError.
 */
export async function putUnnamedDue(due: DueList, segments: readonly StoredSegment[], now: StoreTime): Promise<void> {
  const keys = new Set(segments.map(({ key }) => key));
  await each({}, [...keys], (name) => due.add({ kind: 'object', name, at: now + OBJECT_GRACE_MS }));
}
