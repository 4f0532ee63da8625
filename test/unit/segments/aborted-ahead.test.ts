import { describe, expect, it } from 'vitest';
import { AbortedAhead } from '../../../lib/segments/aborted-ahead.ts';
import type { AbortedTransaction } from '../../../lib/segments/format/transaction-index.ts';
import type { LiveSegment } from '../../../lib/storage/items/segment.ts';
import { part } from './index-world.ts';

function aborted(firstOffset: number, lastOffset: number, lastStableOffset: number): AbortedTransaction {
  return { producerId: firstOffset, firstOffset, lastOffset, lastStableOffset };
}

/** Segments of 10 offsets with these transactions in their indexes. */
function ahead(indexes: readonly (readonly AbortedTransaction[])[], unsealed: readonly AbortedTransaction[] = []) {
  const segments = indexes.map((transactions, index): LiveSegment => {
    const of = part(index * 10, index * 10 + 10);
    const { start, length } = of.index;
    return {
      ...of,
      index: { start, length: length + transactions.length },
      key: 'k',
      journal: 'topic/0',
      seq: 1,
      namedAt: 0,
      maxTimestampSoFar: 0,
      epochs: [],
      state: 'live',
    };
  });
  const reads: number[] = [];
  const reader = new AbortedAhead(segments, unsealed, async ({ baseOffset }) => {
    reads.push(baseOffset);
    return indexes[baseOffset / 10]!;
  });
  return { reads, firsts: async (offset: number) => (await reader.upTo(offset)).map((one) => one.firstOffset) };
}

describe('AbortedAhead', () => {
  it('reads on until a marker shows that every transaction below the offset has ended', async () => {
    const { reads, firsts } = ahead([[aborted(1, 5, 3)], [], [aborted(3, 21, 22)], [aborted(31, 33, 34)]]);
    expect(await firsts(10)).toEqual([1, 3]);
    expect(reads).toEqual([0, 20]);
    expect(await firsts(20)).toEqual([]);
    expect(await firsts(30)).toEqual([31]);
    expect(reads).toEqual([0, 20, 30]);
  });

  it('hands out what ended behind the segments once, at their end', async () => {
    const { reads, firsts } = ahead([[], []], [aborted(4, 25, 26)]);
    expect(await firsts(10)).toEqual([4]);
    expect(await firsts(20)).toEqual([]);
    expect(reads).toEqual([]);
  });
});
