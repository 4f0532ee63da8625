import type { Offset } from '../core/offset.ts';
import type { LiveSegment } from '../storage/items/segment.ts';

export interface Covered {
  /** Each begins where the one before it ends, or overlaps it. */
  readonly segments: readonly LiveSegment[];
  /** The first offset after them. */
  readonly position: Offset;
  /** The items that are still needed to go on. */
  readonly rest: readonly LiveSegment[];
}

/**
 * The segments that hold the offsets from `position` on, one after the other. An offset is in the
 * live segment with the largest base offset that is not above it: while a replacement is written,
 * old and new segments overlap, and both hold the offset.
 *
 * @param items live segments, ascending, the first one at or below `position` included
 * @param isEnd no segments follow `items`
 */
export function coverFrom(items: readonly LiveSegment[], position: Offset, isEnd: boolean): Covered {
  const segments: LiveSegment[] = [];
  let at = 0;
  for (;;) {
    while (at + 1 < items.length && items[at + 1]!.baseOffset <= position) at++;
    const item = items[at];
    if (item === undefined) break;
    const next = items[at + 1];
    if (item.baseOffset > position) {
      // Nothing holds the offsets up to the item.
      position = item.baseOffset;
    } else if (next === undefined && !isEnd && item.baseOffset < position) {
      // The item after this one may begin at or below `position`.
      break;
    } else if (item.nextOffset > position) {
      segments.push(item);
      position = item.nextOffset;
    } else if (next !== undefined) {
      position = next.baseOffset;
    } else break;
  }
  return { segments, position, rest: items.slice(at) };
}

/**
 * Whether `then` holds all offsets that `now` holds, from `from` on. The segment of an offset is the
 * one with the largest base offset that is not above it, so that one that is too short hides those
 * before it.
 *
 * @param now live segments, ascending, as `then`
 */
export function holdsNoLess(then: readonly LiveSegment[], now: readonly LiveSegment[], from: Offset): boolean {
  return now.every((segment, index) => {
    const end = Math.min(segment.nextOffset, now[index + 1]?.baseOffset ?? segment.nextOffset);
    return end <= from || holdsAll(then, Math.max(segment.baseOffset, from), end);
  });
}

/** Whether the segments hold all offsets in [from, to), which is not empty. */
function holdsAll(live: readonly LiveSegment[], from: Offset, to: Offset): boolean {
  const first = live.findLastIndex(({ baseOffset }) => baseOffset <= from);
  if (first < 0) return false;
  for (let at = first; at < live.length && live[at]!.baseOffset < to; at++) {
    const end = Math.min(live[at + 1]?.baseOffset ?? to, to);
    if (live[at]!.nextOffset < end) return false;
  }
  return true;
}
