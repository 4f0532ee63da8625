import { NO_OFFSET, type Offset } from '../core/offset.ts';
import { type EpochEnd, epochProblem } from './leader-epoch.ts';
import type { ListedOffset, OffsetPosition } from './list-offsets.ts';
import type { FetchedPartition, IsolationLevel } from './read-partitions.ts';

// The answers for a partition without a journal. They are those for a partition that was never
// written to, and need no read.

const NEVER_LED = { leaderEpoch: 0 };

const NOTHING_LISTED = { offset: NO_OFFSET, timestamp: -1, leaderEpoch: -1 };

/** The answer to a fetch. */
export function fetchNoRecords(
  offset: Offset,
  currentLeaderEpoch: number,
  isolation: IsolationLevel,
): FetchedPartition {
  const nothing = { aborted: isolation === 'read_committed' ? [] : undefined, batches: [], size: 0, readable: 0 };
  const fenced = epochProblem(NEVER_LED, currentLeaderEpoch);
  if (fenced !== undefined) {
    const unknown = { highWatermark: NO_OFFSET, lastStableOffset: NO_OFFSET, logStartOffset: NO_OFFSET };
    return { error: fenced, ...unknown, ...nothing };
  }
  const bounds = { highWatermark: 0, lastStableOffset: 0, logStartOffset: 0 };
  return { error: offset === 0 ? 'NONE' : 'OFFSET_OUT_OF_RANGE', ...bounds, ...nothing };
}

/** The answer to ListOffsets. */
export function listNoRecords(at: OffsetPosition, currentLeaderEpoch: number): ListedOffset {
  const fenced = epochProblem(NEVER_LED, currentLeaderEpoch);
  if (fenced !== undefined) return { error: fenced, ...NOTHING_LISTED };
  if (at === 'latest' || at === 'earliest' || at === 'earliestLocal') {
    return { error: 'NONE', offset: 0, timestamp: -1, leaderEpoch: 0 };
  }
  return { error: 'NONE', ...NOTHING_LISTED };
}

/** The answer to OffsetForLeaderEpoch. */
export function endOfEpochWithoutRecords(currentLeaderEpoch: number, epoch: number): EpochEnd {
  const fenced = epochProblem(NEVER_LED, currentLeaderEpoch);
  if (fenced !== undefined) return { error: fenced, leaderEpoch: -1, endOffset: NO_OFFSET };
  return epoch === 0
    ? { error: 'NONE', leaderEpoch: 0, endOffset: 0 }
    : { error: 'NONE', leaderEpoch: -1, endOffset: NO_OFFSET };
}
