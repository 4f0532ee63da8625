import type { Offset } from '../core/offset.ts';
import type { EffectiveTopicConfig } from '../core/topic-config.ts';
import type { LogStart } from '../journal/entry.ts';
import type { PartitionView } from '../journal/view.ts';
import type { StoreTime } from '../storage/ports.ts';

export type RetentionLimits = Pick<EffectiveTopicConfig, 'deletes' | 'retentionMs' | 'retentionBytes'>;

/** What retention has to know of a segment. */
export interface RetainedSegment {
  readonly baseOffset: Offset;
  readonly nextOffset: Offset;
  /** Largest batch timestamp, ms; -1 if no batch has one. */
  readonly maxTimestamp: number;
  /** Time of the entry that names the segment. */
  readonly namedAt: StoreTime;
  /** Of its batches. */
  readonly bytes: number;
}

/** The history of one partition, oldest first. */
export interface History {
  readonly partition: PartitionView;
  /** Ascending from the oldest that is stored, without gaps. */
  readonly segments: readonly RetainedSegment[];
  /** False if more segments follow. */
  readonly isComplete: boolean;
  /** Time of the journal's newest entry. */
  readonly lastEntryAt: StoreTime;
}

export interface RetentionDecision {
  /** The new log start, with the segments that end; undefined if nothing is to be deleted. */
  readonly start: LogStart | undefined;
  /** All segments given are deleted, and those that follow may have to be. */
  readonly hasMore: boolean;
  /** When the oldest records that are kept expire; undefined: not by time. */
  readonly nextAt: StoreTime | undefined;
}

/**
 * What of a partition's history is deleted now, as Kafka's UnifiedLog.deleteOldSegments decides it:
 * first segments below the log start, then the oldest segments while `retention.bytes` are left
 * without them, then the oldest segments whose largest timestamp is older than `retention.ms`. A
 * segment without timestamps is as old as its entry. The records that are not sealed count as the
 * active segment: they are deleted together, after all others. Pure.
 */
export function decideRetention(history: History, limits: RetentionLimits, now: StoreTime): RetentionDecision {
  const { partition, isComplete } = history;
  const segments = history.segments.filter(({ nextOffset }) => nextOffset > partition.segmentsFrom);
  let ended = segments.findIndex(({ nextOffset }) => nextOffset > partition.logStartOffset);
  if (ended === -1) ended = segments.length;
  const hot = hotZone(history);
  let isHotEnded = false;
  if (limits.deletes) {
    const rest = isComplete && hot !== undefined ? [...segments.slice(ended), hot] : segments.slice(ended);
    const size = partition.sealedBytes + partition.hotBytes - bytesOf(segments.slice(0, ended));
    const bySize = endedBySize(rest, size, limits.retentionBytes);
    const more = bySize + endedByTime(rest.slice(bySize), limits.retentionMs, now);
    isHotEnded = ended + more > segments.length;
    ended = Math.min(ended + more, segments.length);
  }
  const kept = segments[ended] ?? (isComplete && !isHotEnded ? hot : undefined);
  const expires = limits.deletes && limits.retentionMs >= 0 && kept !== undefined;
  return {
    start: startAfter(partition, segments.slice(0, ended), isHotEnded),
    hasMore: ended === segments.length && !isComplete,
    nextAt: expires ? newest(kept) + limits.retentionMs + 1 : undefined,
  };
}

/** The records that are not sealed, as a segment; undefined if there are none above the log start. */
function hotZone({ partition, lastEntryAt }: History): RetainedSegment | undefined {
  const { sealedOffset, nextOffset, logStartOffset, maxTimestamp, hotBytes } = partition;
  if (nextOffset <= Math.max(sealedOffset, logStartOffset)) return undefined;
  // The largest timestamp of the partition is not below that of these records.
  return { baseOffset: sealedOffset, nextOffset, maxTimestamp, namedAt: lastEntryAt, bytes: hotBytes };
}

/** How many of the oldest segments end because the others have `retentionBytes`. */
function endedBySize(segments: readonly RetainedSegment[], size: number, retentionBytes: number): number {
  if (retentionBytes < 0) return 0;
  let excess = size - retentionBytes;
  let ended = 0;
  for (const { bytes } of segments) {
    if (excess < 0 || excess - bytes < 0) break;
    excess -= bytes;
    ended += 1;
  }
  return ended;
}

function endedByTime(segments: readonly RetainedSegment[], retentionMs: number, now: StoreTime): number {
  if (retentionMs < 0) return 0;
  const kept = segments.findIndex((segment) => now - newest(segment) <= retentionMs);
  return kept === -1 ? segments.length : kept;
}

function newest({ maxTimestamp, namedAt }: RetainedSegment): number {
  return maxTimestamp >= 0 ? maxTimestamp : namedAt;
}

function bytesOf(segments: readonly RetainedSegment[]): number {
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * The counts are never larger than those of the view: while the items of a replacement are written,
 * the segments listed are still the old ones.
 */
function startAfter(
  { partition, nextOffset, logStartOffset, segments, sealedBytes, sealedOffset }: PartitionView,
  ended: readonly RetainedSegment[],
  isHotEnded: boolean,
): LogStart | undefined {
  const end = ended.at(-1)?.nextOffset;
  const offset = isHotEnded ? nextOffset : Math.max(end ?? 0, logStartOffset);
  if (end === undefined) return isHotEnded ? { partition, offset } : undefined;
  const isAll = end === sealedOffset;
  return {
    partition,
    offset,
    segmentsFrom: end,
    segments: isAll ? segments : Math.min(ended.length, segments),
    bytes: isAll ? sealedBytes : Math.min(bytesOf(ended), sealedBytes),
  };
}
