import { describe, expect, it } from 'vitest';
import { cleanableSegments, isDue, type SegmentFacts } from '../../../../lib/segments/clean/cleanable.ts';
import { groupSegments } from '../../../../lib/segments/clean/group-segments.ts';

const NOW = 1_000_000;

/** Segments of 10 offsets each. */
function segments(...shapes: Partial<SegmentFacts>[]): SegmentFacts[] {
  return shapes.map((shape, index) => ({
    baseOffset: index * 10,
    nextOffset: index * 10 + 10,
    bytes: 100,
    maxTimestamp: NOW - 1_000,
    isClean: false,
    ...shape,
  }));
}

const clean = { isClean: true };

describe('cleanableSegments', () => {
  it('begins with the first segment that is not clean and ends before the one that reaches behind the limit', () => {
    const found = cleanableSegments(segments(clean, { bytes: 300 }, {}, {}), 35, 0, NOW);
    expect(found).toEqual({ firstDirty: 1, end: 3, uncleanableFrom: 30, cleanBytes: 100, dirtyBytes: 400 });
  });

  it('takes a segment that ends at the limit', () => {
    expect(cleanableSegments(segments({}, {}), 20, 0, NOW)?.end).toBe(2);
  });

  it('finds nothing when all are clean, or the first dirty one is behind the limit', () => {
    expect(cleanableSegments(segments(clean, clean), 20, 0, NOW)).toBeUndefined();
    expect(cleanableSegments(segments(clean, {}), 19, 0, NOW)).toBeUndefined();
    expect(cleanableSegments([], 0, 0, NOW)).toBeUndefined();
  });

  it('leaves alone what is younger than the smallest lag, and all behind it', () => {
    const list = segments({ maxTimestamp: NOW - 500 }, { maxTimestamp: NOW - 499 }, { maxTimestamp: 0 });
    expect(cleanableSegments(list, 30, 500, NOW)?.end).toBe(1);
    expect(cleanableSegments(list, 30, 499, NOW)?.end).toBe(3);
    expect(cleanableSegments(segments({ maxTimestamp: NOW + 5 }), 10, 0, NOW)?.end).toBe(1);
  });
});

describe('isDue', () => {
  const config = { minCleanableDirtyRatio: 0.5, maxCompactionLagMs: 10_000 };
  const cleanable = { firstDirty: 1, end: 2, uncleanableFrom: 20, cleanBytes: 100, dirtyBytes: 100 };

  it('is so above the dirty ratio, not at it', () => {
    expect(isDue(cleanable, config, -1, NOW)).toBe(false);
    expect(isDue({ ...cleanable, dirtyBytes: 101 }, config, -1, NOW)).toBe(true);
  });

  it('is so once the first dirty batch is older than the longest lag', () => {
    expect(isDue(cleanable, config, NOW - 10_000, NOW)).toBe(false);
    expect(isDue(cleanable, config, NOW - 10_001, NOW)).toBe(true);
  });

  it('is not so without dirty bytes', () => {
    expect(isDue({ ...cleanable, cleanBytes: 0, dirtyBytes: 0 }, config, 1, NOW)).toBe(false);
  });
});

describe('groupSegments', () => {
  const bases = (groups: SegmentFacts[][]) => groups.map((group) => group.map(({ baseOffset }) => baseOffset));

  it('joins neighbours up to the size', () => {
    const list = segments({ bytes: 60 }, { bytes: 40 }, { bytes: 1 }, { bytes: 500 }, { bytes: 0 });
    expect(bases(groupSegments(list, 100))).toEqual([[0, 10], [20], [30], [40]]);
  });

  it('ends a group where offsets no longer fit into an index', () => {
    const far = { baseOffset: 10, nextOffset: 2 ** 31 + 1 };
    expect(bases(groupSegments(segments({}, far), 1_000))).toEqual([[0], [10]]);
    expect(bases(groupSegments(segments({}, { ...far, nextOffset: 2 ** 31 }), 1_000))).toEqual([[0, 10]]);
    expect(bases(groupSegments(segments({}, { ...far, bytes: 0 }), 1_000))).toEqual([[0, 10]]);
  });
});
