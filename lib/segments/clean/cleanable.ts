import type { Offset } from '../../core/offset.ts';
import type { EffectiveTopicConfig } from '../../core/topic-config.ts';

/** What the decisions about compaction need to know of one segment. */
export interface SegmentFacts {
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  /** Size of its log part. */
  readonly bytes: number;
  /** Largest batch timestamp, ms; -1 without records. */
  readonly maxTimestamp: number;
  /** True if a pass over the whole prefix of the log has written it. */
  readonly isClean: boolean;
}

/** The topic configs of compaction. */
export type CompactionConfig = Pick<
  EffectiveTopicConfig,
  | 'minCleanableDirtyRatio'
  | 'minCompactionLagMs'
  | 'maxCompactionLagMs'
  | 'deleteRetentionMs'
  | 'segmentBytes'
  | 'indexIntervalBytes'
>;

/** The segments that a pass works on, by their index in the list that was given. */
export interface Cleanable {
  /** The first segment that was not cleaned yet; those before it are clean. */
  readonly firstDirty: number;
  /** Behind the last segment that may be cleaned. */
  readonly end: number;
  /** Base offset of the segment at `end`, or the end of the last one. */
  readonly uncleanableFrom: Offset;
  readonly cleanBytes: number;
  readonly dirtyBytes: number;
}

/**
 * Which of a partition's segments may be cleaned (Kafka: LogCleanerManager.cleanableOffsets,
 * calculateCleanableBytes). `segments` are all of the partition's, ascending. No segment that
 * reaches behind `limit` may be cleaned: the last stable offset, or the first offset that is read
 * from entries. Undefined: none that is dirty.
 */
export function cleanableSegments(
  segments: readonly SegmentFacts[],
  limit: Offset,
  minCompactionLagMs: number,
  now: number,
): Cleanable | undefined {
  const firstDirty = segments.findIndex((segment) => !segment.isClean);
  if (firstDirty === -1) return undefined;
  let end = firstDirty;
  while (end < segments.length && segments[end]!.nextOffset <= limit) {
    if (isTooYoung(segments[end]!, minCompactionLagMs, now)) break;
    end++;
  }
  if (end === firstDirty) return undefined;
  return {
    firstDirty,
    end,
    uncleanableFrom: segments[end - 1]!.nextOffset,
    cleanBytes: sumOfBytes(segments.slice(0, firstDirty)),
    dirtyBytes: sumOfBytes(segments.slice(firstDirty, end)),
  };
}

/**
 * When the first dirty segment that is too young is old enough; undefined if there is none. The
 * arguments are those of `cleanableSegments`.
 */
export function oldEnoughAt(
  segments: readonly SegmentFacts[],
  limit: Offset,
  minCompactionLagMs: number,
  now: number,
): number | undefined {
  const young = segments.find((one) => !one.isClean && isTooYoung(one, minCompactionLagMs, now));
  return young === undefined || young.nextOffset > limit ? undefined : young.maxTimestamp + minCompactionLagMs;
}

function isTooYoung({ maxTimestamp }: SegmentFacts, minCompactionLagMs: number, now: number): boolean {
  return minCompactionLagMs > 0 && maxTimestamp > now - minCompactionLagMs;
}

/**
 * Whether a pass is worth its cost (Kafka: LogCleanerManager.grabFilthiestCompactedLog): dirty bytes
 * are more than the ratio of all bytes, or a record has waited longer than the longest lag.
 * `earliestTimestamp`: of the first batches of the dirty segments, ms; -1 if it is not known.
 */
export function isDue(
  cleanable: Cleanable,
  {
    minCleanableDirtyRatio,
    maxCompactionLagMs,
  }: Pick<CompactionConfig, 'minCleanableDirtyRatio' | 'maxCompactionLagMs'>,
  earliestTimestamp: number,
  now: number,
): boolean {
  const { cleanBytes, dirtyBytes } = cleanable;
  if (dirtyBytes === 0) return false;
  if (earliestTimestamp > 0 && earliestTimestamp < now - maxCompactionLagMs) return true;
  return dirtyBytes / (cleanBytes + dirtyBytes) > minCleanableDirtyRatio;
}

function sumOfBytes(segments: readonly SegmentFacts[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}
