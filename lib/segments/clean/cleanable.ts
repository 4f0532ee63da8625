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
  const isTooYoung = ({ maxTimestamp }: SegmentFacts) =>
    minCompactionLagMs > 0 && maxTimestamp > now - minCompactionLagMs;
  let end = firstDirty;
  while (end < segments.length && segments[end]!.nextOffset <= limit && !isTooYoung(segments[end]!)) end++;
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
 * Whether a pass is worth its cost (Kafka: LogCleanerManager.grabFilthiestCompactedLog): dirty bytes
 * are more than the ratio of all bytes, or a record has waited longer than the longest lag.
 * `firstDirtyTimestamp`: the first dirty batch's, ms; -1 if it is not known.
 */
export function isDue(
  cleanable: Cleanable,
  {
    minCleanableDirtyRatio,
    maxCompactionLagMs,
  }: Pick<CompactionConfig, 'minCleanableDirtyRatio' | 'maxCompactionLagMs'>,
  firstDirtyTimestamp: number,
  now: number,
): boolean {
  const { cleanBytes, dirtyBytes } = cleanable;
  if (dirtyBytes === 0) return false;
  if (firstDirtyTimestamp > 0 && firstDirtyTimestamp < now - maxCompactionLagMs) return true;
  return dirtyBytes / (cleanBytes + dirtyBytes) > minCleanableDirtyRatio;
}

function sumOfBytes(segments: readonly SegmentFacts[]): number {
  return segments.reduce((sum, segment) => sum + segment.bytes, 0);
}
