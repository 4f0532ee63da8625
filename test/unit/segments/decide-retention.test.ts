import { describe, expect, it } from 'vitest';
import { emptyPartition, type PartitionView } from '../../../lib/journal/view.ts';
import { decideRetention, type RetainedSegment, type RetentionLimits } from '../../../lib/segments/decide-retention.ts';

const NOW = 1_000_000;
const FOREVER: RetentionLimits = { deletes: true, retentionMs: -1, retentionBytes: -1 };

/** Segments of ten offsets and 100 bytes; `ages`: how long ago the newest record of each was made. */
function segmentsOf(ages: readonly number[]): RetainedSegment[] {
  return ages.map((age, index) => ({
    baseOffset: index * 10,
    nextOffset: index * 10 + 10,
    maxTimestamp: NOW - age,
    namedAt: NOW,
    bytes: 100,
  }));
}

interface Given {
  readonly ages?: readonly number[];
  /** Records that are not sealed, of ten bytes each, and the age of the newest record of all. */
  readonly hot?: number;
  readonly hotAge?: number;
  readonly logStart?: number;
  readonly view?: Partial<PartitionView>;
  readonly isComplete?: boolean;
}

function decide(limits: Partial<RetentionLimits>, given: Given = {}) {
  const { ages = [], hot = 0, hotAge = 0, logStart = 0, isComplete = true } = given;
  const partition: PartitionView = {
    ...emptyPartition(7),
    logStartOffset: logStart,
    sealedOffset: ages.length * 10,
    nextOffset: ages.length * 10 + hot,
    segments: ages.length,
    sealedBytes: ages.length * 100,
    hotBytes: hot * 10,
    maxTimestamp: NOW - Math.min(hotAge, ...ages),
    ...given.view,
  };
  const history = { partition, segments: segmentsOf(ages), isComplete, lastEntryAt: NOW - hotAge };
  return decideRetention(history, { ...FOREVER, ...limits }, NOW);
}

const ends = (count: number) => ({
  partition: 7,
  offset: count * 10,
  segmentsFrom: count * 10,
  segments: count,
  bytes: count * 100,
});

describe('retention by time', () => {
  it('deletes the oldest segments whose newest record is older', () => {
    expect(decide({ retentionMs: 50 }, { ages: [90, 60, 40, 30] })).toEqual({
      start: ends(2),
      hasMore: false,
      nextAt: NOW - 40 + 50 + 1,
    });
  });

  it('keeps what is exactly as old, and everything behind a segment that is kept', () => {
    expect(decide({ retentionMs: 50 }, { ages: [50, 90] }).start).toBeUndefined();
    expect(decide({ retentionMs: 50 }, { ages: [90, 20, 90] }).start).toEqual(ends(1));
  });

  it('is without effect at -1, and for a topic that is only compacted', () => {
    expect(decide({ retentionMs: -1 }, { ages: [90] })).toEqual({
      start: undefined,
      hasMore: false,
      nextAt: undefined,
    });
    const compacted = { deletes: false, retentionMs: 50, retentionBytes: 0 };
    expect(decide(compacted, { ages: [90] })).toEqual({ start: undefined, hasMore: false, nextAt: undefined });
  });

  it('deletes what is not sealed once all of it has expired', () => {
    expect(decide({ retentionMs: 50 }, { ages: [90, 80], hot: 3, hotAge: 60 }).start).toEqual({
      ...ends(2),
      offset: 23,
    });
    expect(decide({ retentionMs: 50 }, { ages: [90, 80], hot: 3, hotAge: 40 })).toEqual({
      start: ends(2),
      hasMore: false,
      nextAt: NOW - 40 + 50 + 1,
    });
    expect(decide({ retentionMs: 50 }, { hot: 3, hotAge: 60 }).start).toEqual({ partition: 7, offset: 3 });
    // Deleted before: there is nothing above the log start.
    expect(decide({ retentionMs: 50 }, { hot: 3, hotAge: 60, logStart: 3 }).start).toBeUndefined();
  });

  it('takes the time of the entry for records without a timestamp', () => {
    const view = { maxTimestamp: -1 };
    expect(decide({ retentionMs: 50 }, { hot: 3, hotAge: 60, view }).start).toEqual({ partition: 7, offset: 3 });
    expect(decide({ retentionMs: 50 }, { hot: 3, hotAge: 40, view }).start).toBeUndefined();
  });

  it('looks at no record that is not sealed before it has seen all segments', () => {
    expect(decide({ retentionMs: 50 }, { ages: [90, 80], hot: 3, hotAge: 60, isComplete: false })).toEqual({
      start: ends(2),
      hasMore: true,
      nextAt: undefined,
    });
  });
});

describe('retention by size', () => {
  it.each([
    [400, 0],
    [301, 0],
    [300, 1],
    [250, 1],
    [200, 2],
    [1, 3],
    [0, 4],
  ])('of %i bytes deletes whole segments while as much is left', (retentionBytes, count) => {
    const { start } = decide({ retentionBytes }, { ages: [4, 3, 2, 1] });
    expect(start).toEqual(count === 0 ? undefined : ends(count));
  });

  it('counts what is not sealed, and deletes it last', () => {
    expect(decide({ retentionBytes: 300 }, { ages: [3, 2, 1], hot: 10 }).start).toEqual(ends(1));
    expect(decide({ retentionBytes: 0 }, { ages: [1], hot: 10 }).start).toEqual({ ...ends(1), offset: 20 });
    expect(decide({ retentionBytes: 99 }, { ages: [1], hot: 10 }).start).toEqual(ends(1));
  });

  it('does not count segments below the log start', () => {
    expect(decide({ retentionBytes: 200 }, { ages: [4, 3, 2, 1], logStart: 20 }).start).toEqual(ends(2));
    expect(decide({ retentionBytes: 100 }, { ages: [4, 3, 2, 1], logStart: 20 }).start).toEqual(ends(3));
  });
});

describe('segments below the log start', () => {
  it('end whatever the policy, once their last offset is below it', () => {
    const compacted = { deletes: false };
    expect(decide(compacted, { ages: [3, 2, 1], logStart: 19 }).start).toEqual({ ...ends(1), offset: 19 });
    expect(decide(compacted, { ages: [3, 2, 1], logStart: 20 }).start).toEqual(ends(2));
    expect(decide(compacted, { ages: [3, 2, 1], hot: 5, logStart: 33 }).start).toEqual({ ...ends(3), offset: 33 });
  });

  it('are counted once', () => {
    const view = { segmentsFrom: 20, segments: 1, sealedBytes: 100 };
    expect(decide({}, { ages: [3, 2, 1], logStart: 20, view }).start).toBeUndefined();
    expect(decide({ retentionBytes: 0 }, { ages: [3, 2, 1], logStart: 20, view }).start).toEqual({
      ...ends(3),
      segments: 1,
      bytes: 100,
    });
  });

  it('are never more than the view counts, as after a compaction whose items are not written yet', () => {
    const view = { segments: 2, sealedBytes: 120 };
    expect(decide({ retentionMs: 5 }, { ages: [9, 8, 7, 1], view }).start).toEqual({
      ...ends(3),
      segments: 2,
      bytes: 120,
    });
    expect(decide({ retentionMs: 0 }, { ages: [9, 8, 7, 1], view }).start).toMatchObject({ segments: 2, bytes: 120 });
  });
});
