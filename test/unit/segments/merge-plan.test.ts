import { describe, expect, it } from 'vitest';
import { decideMerge, MERGE_SEGMENTS_MAX, MERGE_SEGMENTS_MIN } from '../../../lib/segments/merge-plan.ts';
import type { LiveSegment, StoredSegment } from '../../../lib/storage/items/segment.ts';
import { part } from '../journal/entries.ts';

const LIMITS = { mergeBytes: 64 };

function segment(baseOffset: number, bytes: number, fields: Partial<LiveSegment> = {}): LiveSegment {
  return {
    ...part({ baseOffset, nextOffset: baseOffset + 10, log: { start: 0, length: bytes } }),
    state: 'live',
    key: `k${baseOffset}`,
    journal: 'topic/0',
    seq: 1,
    namedAt: 0,
    maxTimestampSoFar: 6,
    epochs: [],
    ...fields,
  };
}

/** Neighbours with these sizes. */
const row = (...sizes: number[]) => sizes.map((bytes, index) => segment(index * 10, bytes));
const sizesOf = (run: LiveSegment[] | undefined) => run?.map(({ log }) => log.length);

describe('neighbouring segments are merged', () => {
  it.each<[string, number[], number[] | undefined]>([
    ['when together they are large enough', [20, 13], [20, 13]],
    ['up to the size of a merged segment', [30, 30, 4, 30], [30, 30, 4]],
    ['but not a single one', [31], undefined],
    ['nor those that are large already', [32, 40, 64, 100], undefined],
    ['nor a few that stay small', [1, 1, 1], undefined],
    [
      'also small ones, when they are many',
      Array.from({ length: MERGE_SEGMENTS_MIN }, () => 1),
      Array.from({ length: MERGE_SEGMENTS_MIN }, () => 1),
    ],
    ['behind a large one', [40, 20, 20], [20, 20]],
    ['without the one that would be rewritten for little', [20, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1]],
    ['also without any bytes', [0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0]],
  ])('%s', (_, sizes, run) => {
    expect(sizesOf(decideMerge(row(...sizes), LIMITS))).toEqual(run);
  });

  it('but not across a gap, nor with those that compaction wrote', () => {
    expect(decideMerge([segment(0, 20), segment(20, 20)], LIMITS)).toBeUndefined();
    expect(decideMerge([segment(0, 20), segment(10, 20, { cleanedAt: 1 })], LIMITS)).toBeUndefined();
  });

  it('and replaced ones between them are passed over', () => {
    const replaced: StoredSegment = { ...segment(5, 20), state: 'replaced', replacedAt: 1, replacedBy: 0 };
    expect(
      decideMerge([segment(0, 20), replaced, segment(10, 20)], LIMITS)?.map(({ baseOffset }) => baseOffset),
    ).toEqual([0, 10]);
  });

  it('as long as offsets relative to the first one fit', () => {
    const far = segment(10, 20, { nextOffset: 2 ** 31 + 1 });
    expect(decideMerge([segment(0, 20), far], LIMITS)).toBeUndefined();
    expect(decideMerge([segment(0, 20), { ...far, nextOffset: 2 ** 31 }], LIMITS)).toHaveLength(2);
  });

  it('so many at a time', () => {
    const many = row(...Array.from({ length: MERGE_SEGMENTS_MAX + 5 }, () => 0));
    expect(decideMerge(many, LIMITS)).toHaveLength(MERGE_SEGMENTS_MAX);
  });
});

it('rewrites a batch a few times, however many small segments come', () => {
  let segments: LiveSegment[] = [];
  let rewritten = 0;
  for (let count = 0; count < 640; count++) {
    segments.push(segment(count * 10, 1));
    for (let run = decideMerge(segments, LIMITS); run !== undefined; run = decideMerge(segments, LIMITS)) {
      const bytes = run.reduce((sum, { log }) => sum + log.length, 0);
      const merged = segment(run[0]!.baseOffset, bytes, { nextOffset: run.at(-1)!.nextOffset });
      const at = segments.indexOf(run[0]!);
      segments = [...segments.slice(0, at), merged, ...segments.slice(at + run.length)];
      rewritten += bytes;
    }
  }
  expect(segments.length).toBeLessThan(640 / 32 + MERGE_SEGMENTS_MIN * 3);
  expect(rewritten / 640).toBeLessThan(4);
});
