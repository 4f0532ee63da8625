import { describe, expect, it } from 'vitest';
import { coverFrom, holdsNoLess } from '../../../lib/segments/covering.ts';
import type { LiveSegment } from '../../../lib/storage/items/segment.ts';
import { JOURNAL, part } from './index-world.ts';

function live(...ranges: readonly (readonly [number, number])[]): LiveSegment[] {
  const named = { key: 'k', journal: JOURNAL, seq: 1, namedAt: 0, maxTimestampSoFar: 0, epochs: [] };
  return ranges.map(([base, next]) => ({ ...part(base, next), ...named, state: 'live' }));
}
const bases = (segments: readonly LiveSegment[]) => segments.map(({ baseOffset }) => baseOffset);

describe('coverFrom', () => {
  it.each([
    ['side by side', live([0, 10], [10, 20], [20, 30]), 0, [0, 10, 20], 30],
    ['from the middle of one', live([0, 10], [10, 20]), 15, [10], 20],
    ['with a gap', live([0, 10], [15, 20]), 0, [0, 15], 20],
    ['before the first', live([5, 10]), 0, [5], 10],
    ['a merged one and those that it replaces', live([0, 30], [10, 20], [20, 30], [30, 40]), 0, [0, 30], 40],
    ['the last of several new ones', live([0, 10], [5, 20], [10, 20], [20, 30]), 0, [0, 10, 20], 30],
    ['one that ends inside another', live([0, 10], [5, 20], [20, 30]), 0, [0, 5, 20], 30],
    ['nothing', live(), 7, [], 7],
  ] as const)('%s', (_, items, position, expected, end) => {
    const covered = coverFrom(items, position, true);
    expect([bases(covered.segments), covered.position]).toEqual([expected, end]);
  });

  it('waits for the next item where that one may hold the offset', () => {
    const [a, b, c] = live([0, 10], [5, 20], [10, 20]);
    const first = coverFrom([a!, b!], 0, false);
    expect([bases(first.segments), bases(first.rest)]).toEqual([[0], [5]]);
    expect(bases(coverFrom([...first.rest, c!], first.position, true).segments)).toEqual([10]);
    expect(bases(coverFrom(first.rest, first.position, true).segments)).toEqual([5]);
  });
});

describe('holdsNoLess', () => {
  const now = live([0, 10], [10, 20], [30, 40]);
  it.each([
    ['the same', now, 0, true],
    ['a merged one instead', live([0, 20], [30, 40]), 0, true],
    ['one too short instead', live([0, 19], [30, 40]), 0, false],
    ['other bounds', live([0, 5], [5, 20], [25, 40]), 0, true],
    ['one less', live([0, 10], [30, 40]), 0, false],
    ['one less, below where it matters', live([10, 20], [30, 40]), 10, true],
    ['one that hides the end of another', live([0, 20], [3, 5], [30, 40]), 0, false],
    ['one that begins too late', live([1, 20], [30, 40]), 0, false],
    ['nothing', live(), 0, false],
  ] as const)('%s', (_, then, from, expected) => {
    expect(holdsNoLess(then, now, from)).toBe(expected);
  });
});
