import type { Offset } from '../core/offset.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import { holdsOffset, type SegmentItems } from './segment-items.ts';
import { listSegments } from './segment-list.ts';

/**
 * The first segment with offsets in [from, to) whose `maxTimestamp` is at least `timestamp` (ms).
 * Bisects over the offsets on `maxTimestampSoFar`: about log2 of the number of segments queries of
 * one item. If the record with the largest timestamp so far lies below `from`, or compaction has
 * removed it, the segments after that point are read one after the other, in pages. Throws
 * StoreUnavailableError.
 */
export async function firstByTime(
  items: SegmentItems,
  timestamp: number,
  from: Offset,
  to: Offset,
): Promise<LiveSegment | undefined> {
  const first = await bisect(items, timestamp, from, to);
  if (first === undefined || first.maxTimestamp >= timestamp) return first;
  for (let next: Offset | undefined = first.nextOffset; next !== undefined && next < to; ) {
    const page = await listSegments(items, { from: next, consistent: true });
    const found = page.segments.find(({ maxTimestamp }) => maxTimestamp >= timestamp);
    if (found !== undefined) return found.baseOffset < to ? found : undefined;
    next = page.next;
  }
  return undefined;
}

/** The first segment with offsets in [from, to) whose `maxTimestampSoFar` is at least `timestamp`. */
async function bisect(
  items: SegmentItems,
  timestamp: number,
  from: Offset,
  to: Offset,
): Promise<LiveSegment | undefined> {
  let low = from;
  let high = to;
  let found: LiveSegment | undefined;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    let segment = await items.lastLive(middle, false);
    if (!holdsOffset(segment, middle)) segment = await items.lastLive(middle, true);
    if (segment === undefined || segment.nextOffset <= low) {
      // Nothing holds the offsets from `low` to `middle`.
      low = middle + 1;
    } else if (segment.maxTimestampSoFar >= timestamp) {
      found = segment;
      high = segment.baseOffset;
    } else {
      low = Math.max(segment.nextOffset, middle + 1);
    }
  }
  return found;
}
