import { MAX_OFFSET, type Offset } from '../core/offset.ts';
import type { LiveSegment } from '../storage/items/segment.ts';
import { coverFrom } from './covering.ts';
import { isLive, type SegmentItems } from './segment-items.ts';

/** Segments in a page by default: about 300 KB of items, less than a page of the store. */
export const SEGMENTS_PER_PAGE = 1_000;

export interface ListRequest {
  /** Ascending: the first offset to be held. Descending: the last one. */
  readonly from: Offset;
  /** Default: ascending. */
  readonly order?: 'ascending' | 'descending';
  /** Default: SEGMENTS_PER_PAGE. */
  readonly limit?: number;
  /** Strongly consistent; otherwise the newest segments may be missing. Default: false. */
  readonly consistent?: boolean;
}

/** Segments side by side, in the order asked for. */
export interface SegmentPage {
  readonly segments: readonly LiveSegment[];
  /** `from` of the next page; undefined after the last segment. */
  readonly next: Offset | undefined;
}

/**
 * The live segments that hold the offsets from `from` on, in the order asked for. While a
 * replacement is written, a segment may also hold offsets of the one listed before it. A reader
 * takes each offset from the first segment listed that holds it. Throws StoreUnavailableError.
 */
export function listSegments(items: SegmentItems, request: ListRequest): Promise<SegmentPage> {
  const { from, order = 'ascending', limit = SEGMENTS_PER_PAGE, consistent = false } = request;
  return order === 'ascending'
    ? listAscending(items, from, limit, consistent)
    : listDescending(items, from, limit, consistent);
}

async function listAscending(
  items: SegmentItems,
  from: Offset,
  limit: number,
  consistent: boolean,
): Promise<SegmentPage> {
  const first = await items.lastLive(from, consistent);
  const holds = first !== undefined && first.nextOffset > from;
  const listed: LiveSegment[] = [];
  let rest: readonly LiveSegment[] = holds ? [first] : [];
  let position = holds ? first.baseOffset : from;
  let start = holds ? position + 1 : from;
  for (;;) {
    const page = await items.up(start, MAX_OFFSET, limit + 1, consistent);
    const covered = coverFrom([...rest, ...page.segments.filter(isLive)], position, !page.more);
    listed.push(...covered.segments);
    if (listed.length > limit || (page.more && listed.length === limit)) {
      const segments = listed.slice(0, limit);
      return { segments, next: segments.at(-1)!.nextOffset };
    }
    if (!page.more) return { segments: listed, next: undefined };
    ({ rest, position } = covered);
    start = page.segments.at(-1)!.baseOffset + 1;
  }
}

async function listDescending(
  items: SegmentItems,
  from: Offset,
  limit: number,
  consistent: boolean,
): Promise<SegmentPage> {
  // A replaced segment at `from` leads to its replacement at once.
  const first = await items.lastLive(from, consistent);
  if (first === undefined) return { segments: [], next: undefined };
  const segments = [first];
  let below = first.baseOffset - 1;
  for (;;) {
    if (below < 0) return { segments, next: undefined };
    if (segments.length >= limit) return { segments, next: segments.at(-1)!.baseOffset - 1 };
    const page = await items.downFrom(below, limit - segments.length, consistent);
    segments.push(...page.segments.filter(isLive));
    if (!page.more) return { segments, next: undefined };
    below = page.segments.at(-1)!.baseOffset - 1;
  }
}
