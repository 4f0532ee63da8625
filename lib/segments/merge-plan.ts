import type { LiveSegment, StoredSegment } from '../storage/items/segment.ts';

export interface MergeLimits {
  /** Maximum bytes of batches in a merged segment. */
  readonly mergeBytes: number;
  /** The topic's `index.interval.bytes`; Kafka's default if left out. */
  readonly indexIntervalBytes?: number;
}

/** Segments of this size are not merged any more; share of `mergeBytes`. */
const LARGE_SHARE = 0.5;

/**
 * Segments that are worth merging although the result is small. With the bound on the largest one,
 * a batch is rewritten about once for each doubling of its segment.
 */
export const MERGE_SEGMENTS_MIN = 8;

/** Maximum segments of one merge: its items are written one by one. */
export const MERGE_SEGMENTS_MAX = 128;

/** Kafka's indexes hold offsets relative to the base offset as signed 32-bit numbers. */
const OFFSETS_MAX = 2 ** 31 - 1;

/**
 * The first run of small neighbouring segments that should become one: together they are large
 * enough, or there are many and none dominates, so that a merge does not rewrite much for little.
 * Segments that compaction wrote are left to it. Undefined: nothing to merge. Pure.
 *
 * @param segments of one partition, by base offset, ascending
 */
export function decideMerge(segments: readonly StoredSegment[], limits: MergeLimits): LiveSegment[] | undefined {
  const live = segments.filter((segment) => segment.state === 'live');
  for (let first = 0; first < live.length; first++) {
    const run = runFrom(live, first, limits);
    if (isWorthIt(run, limits)) return run;
  }
  return undefined;
}

/** The longest run of mergeable neighbours that begins with segment `first`. */
function runFrom(segments: readonly LiveSegment[], first: number, { mergeBytes }: MergeLimits): LiveSegment[] {
  const run: LiveSegment[] = [];
  let bytes = 0;
  for (const segment of segments.slice(first, first + MERGE_SEGMENTS_MAX)) {
    if (segment.cleanedAt !== undefined) break;
    if (segment.log.length >= mergeBytes * LARGE_SHARE || bytes + segment.log.length > mergeBytes) break;
    const [head] = run;
    const isNext = run.length === 0 || run.at(-1)!.nextOffset === segment.baseOffset;
    if (!isNext || segment.nextOffset - 1 - (head ?? segment).baseOffset > OFFSETS_MAX) break;
    run.push(segment);
    bytes += segment.log.length;
  }
  return run;
}

function isWorthIt(run: readonly LiveSegment[], { mergeBytes }: MergeLimits): boolean {
  if (run.length < 2) return false;
  let bytes = 0;
  let largest = 0;
  for (const { log } of run) {
    bytes += log.length;
    largest = Math.max(largest, log.length);
  }
  if (bytes >= mergeBytes * LARGE_SHARE) return true;
  return run.length >= MERGE_SEGMENTS_MIN && largest * 2 <= bytes;
}
