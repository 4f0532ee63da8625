import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { FetchedPartition, IsolationLevel } from './delayed-fetch.ts';
import { type EpochEnd, epochProblem } from './leader-epoch.ts';
import { EARLIEST, EARLIEST_LOCAL, LATEST, type ListedOffset, OFFSETS_WITH_A_NAME } from './list-offsets.ts';

/* What a partition answers that has no journal: as one that was created and never written to, without reading anything. */

const NEVER_LED = { leaderEpoch: 0 };

/** What a Fetch finds from an offset on. */
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

/** What a ListOffsets finds for a timestamp, or for one of those with a meaning of their own. */
export function listNoRecords(timestamp: number, currentLeaderEpoch: number): ListedOffset {
  const nothing = { offset: NO_OFFSET, timestamp: -1, leaderEpoch: -1 };
  const fenced = epochProblem(NEVER_LED, currentLeaderEpoch);
  if (fenced !== undefined) return { error: fenced, ...nothing };
  if (timestamp === LATEST || timestamp === EARLIEST || timestamp === EARLIEST_LOCAL) {
    return { error: 'NONE', offset: 0, timestamp: -1, leaderEpoch: 0 };
  }
  const isKnown = timestamp >= 0 || OFFSETS_WITH_A_NAME.has(timestamp);
  return { error: isKnown ? 'NONE' : 'UNSUPPORTED_VERSION', ...nothing };
}

/** Where an epoch ended. */
export function endOfEpochWithoutRecords(currentLeaderEpoch: number, epoch: number): EpochEnd {
  const fenced = epochProblem(NEVER_LED, currentLeaderEpoch);
  if (fenced !== undefined) return { error: fenced, leaderEpoch: -1, endOffset: NO_OFFSET };
  return epoch === 0
    ? { error: 'NONE', leaderEpoch: 0, endOffset: 0 }
    : { error: 'NONE', leaderEpoch: -1, endOffset: NO_OFFSET };
}
