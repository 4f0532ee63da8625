import type { Offset } from '../core/offset.ts';
import type { ChangeEnvironment } from '../kit/change-item.ts';
import { each } from '../kit/each.ts';
import { type StoredSegment, segmentSk } from '../storage/items/segment.ts';
import { type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { SegmentItems } from './segment-items.ts';
import { ITEM_SETTLED_AFTER_MS } from './write-segment.ts';

/** Items read and then deleted together. */
const PAGE = 250;
/** Deletes at the same time. */
const AT_ONCE = 16;

/**
 * A page's deletes are signed within this time of its read, and land within MAX_SIGNATURE_AGE_MS after
 * that: before what `beforeDelete` puts on the due list is looked at, even by a process that was
 * frozen meanwhile; ms.
 */
const DELETE_SIGNED_WITHIN_MS = 30 * 60 * 1000;

export interface RemoveLimits {
  /** No further page begins after it; Clock.monotonic(), ms. */
  readonly deadline: number;
  /**
   * Called with the segments of each page before they are deleted: afterwards nothing may tell any
   * more which objects they were in.
   */
  readonly beforeDelete?: (segments: readonly StoredSegment[]) => Promise<void>;
}

export interface Removed {
  /** Items deleted. */
  readonly removed: number;
  /** False if the deadline came before the end. */
  readonly isComplete: boolean;
}

/**
 * Deletes the items with base offsets in [from, to) that `mayGo` accepts, ascending. An item that
 * changes meanwhile stays. Throws StoreUnavailableError.
 */
export async function removeSegments(
  env: ChangeEnvironment,
  items: SegmentItems,
  range: { readonly from: Offset; readonly to: Offset },
  mayGo: (segment: StoredSegment) => boolean,
  { deadline, beforeDelete }: RemoveLimits,
): Promise<Removed> {
  let removed = 0;
  for (let { from } = range; from < range.to; ) {
    if (env.clock.monotonic() >= deadline) return { removed, isComplete: false };
    const { segments, more } = await items.up(from, range.to, PAGE, true);
    const going = segments.filter(mayGo);
    const signBefore = env.state.now() + DELETE_SIGNED_WITHIN_MS;
    if (going.length > 0) await beforeDelete?.(going);
    const outcomes = await each({ atOnce: AT_ONCE }, going, (segment) => remove(env, items.pk, segment, signBefore));
    removed += outcomes.filter(Boolean).length;
    if (!more) return { removed, isComplete: true };
    from = segments.at(-1)!.baseOffset + 1;
  }
  return { removed, isComplete: true };
}

/**
 * A put of a replaced segment that was sent before it was replaced must not bring it back, so its
 * item stays until no such put can land (rule R9).
 */
export function isSettledReplaced(segment: StoredSegment, now: number): boolean {
  return segment.state === 'replaced' && now - segment.replacedAt > ITEM_SETTLED_AFTER_MS;
}

/** False if the item has changed. */
async function remove(
  { state }: ChangeEnvironment,
  pk: string,
  { baseOffset, seq }: StoredSegment,
  signBefore: StoreTime,
): Promise<boolean> {
  const outcome = await state.delete(pk, segmentSk(baseOffset), seq, { signBefore });
  if (outcome.kind === 'committed') return true;
  if (outcome.kind === 'conflict') return false;
  throw new StoreUnavailableError(`item ${pk}/${segmentSk(baseOffset)} was not deleted: ${outcome.message}`);
}
