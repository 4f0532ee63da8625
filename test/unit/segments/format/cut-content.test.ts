import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { cutContent } from '../../../../lib/segments/format/cut-content.ts';
import { fitsPart, PART_LOG_BYTES_MAX, RELATIVE_OFFSET_MAX } from '../../../../lib/segments/format/part-limits.ts';
import { buildSegmentSet } from '../../../../lib/segments/format/segment-set.ts';
import { KEY } from './contents.ts';

describe('a part', () => {
  const part = { baseOffset: 10, logBytes: 100 };

  it('ends where an offset is too far from its base', () => {
    expect(fitsPart(part, { lastOffset: 10 + RELATIVE_OFFSET_MAX, sizeInBytes: 70 })).toBe(true);
    expect(fitsPart(part, { lastOffset: 11 + RELATIVE_OFFSET_MAX, sizeInBytes: 70 })).toBe(false);
    expect(fitsPart(part, { lastOffset: 9, sizeInBytes: 70 })).toBe(false);
  });

  it('ends where a position would not fit into 32 bits', () => {
    expect(fitsPart(part, { lastOffset: 20, sizeInBytes: PART_LOG_BYTES_MAX - 100 })).toBe(true);
    expect(fitsPart(part, { lastOffset: 20, sizeInBytes: PART_LOG_BYTES_MAX - 99 })).toBe(false);
  });
});

describe('a content that does not fit into one part', () => {
  const batchAt = (baseOffset: number) => encodeBatch([{ timestamp: 1 }], { baseOffset, partitionLeaderEpoch: 1 });
  const far = 2 ** 31;
  const aborted = [5, far + 7].map((marker) => ({
    producerId: 1,
    firstOffset: marker - 1,
    lastOffset: marker,
    lastStableOffset: marker + 1,
  }));
  const content = { partition: 3, baseOffset: 0, nextOffset: 3 * far, aborted };

  it('is cut before the batch that is too far away, in the middle of a buffer', () => {
    const batches = [batchAt(0), Buffer.concat([batchAt(6), batchAt(far), batchAt(far + 9)])];
    const cut = cutContent({ ...content, batches });
    expect(cut.map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset])).toEqual([
      [0, far],
      [far, 3 * far],
    ]);
    expect(cut.map((one) => one.aborted)).toEqual([[aborted[0]], [aborted[1]]]);
    expect(Buffer.concat(cut.flatMap((one) => one.batches))).toEqual(Buffer.concat(batches));
    expect(buildSegmentSet(cut, { key: KEY }).parts.map(({ log }) => log.length)).toEqual([136, 136]);
  });

  it('may begin with a part without records', () => {
    const cut = cutContent({ ...content, aborted: [], batches: [batchAt(far)] });
    expect(cut.map(({ baseOffset, nextOffset }) => [baseOffset, nextOffset])).toEqual([
      [0, far],
      [far, 3 * far],
    ]);
    expect(buildSegmentSet(cut, { key: KEY }).parts[0]!.log.length).toBe(0);
  });

  it('shares out the leader epochs that it was given', () => {
    const epochs = [
      { epoch: 1, startOffset: 0 },
      { epoch: 2, startOffset: far - 1 },
      { epoch: 3, startOffset: far },
    ];
    const cut = cutContent({ ...content, aborted: [], batches: [batchAt(0), batchAt(far)], epochs });
    expect(cut.map((one) => one.epochs?.map(({ epoch }) => epoch))).toEqual([[1, 2], [3]]);
  });

  it('stays whole where it fits', () => {
    const batches = [batchAt(0), batchAt(8)];
    expect(cutContent({ ...content, aborted: [], batches })).toEqual([{ ...content, aborted: [], batches }]);
  });
});
