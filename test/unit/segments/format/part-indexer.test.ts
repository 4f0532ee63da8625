import { describe, expect, it } from 'vitest';
import { type BatchView, readBatchHeader } from '../../../../lib/records/batch.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { PartIndexer } from '../../../../lib/segments/format/part-indexer.ts';
import { fitsPart, PART_LOG_BYTES_MAX } from '../../../../lib/segments/format/part-limits.ts';

/** A batch that claims to be larger than its bytes. */
function large(baseOffset: number, sizeInBytes: number, lastOffset = baseOffset): BatchView {
  const bytes = encodeBatch([{ timestamp: baseOffset }], { baseOffset, lastOffset });
  return { header: { ...readBatchHeader(bytes), sizeInBytes }, bytes };
}

describe('the indexes of a part', () => {
  it('reach to just below 2 GiB', () => {
    const indexer = new PartIndexer(0);
    const size = 2 ** 29;
    for (let offset = 0; offset < 3; offset++) indexer.append(large(offset, size));
    const last = large(3, PART_LOG_BYTES_MAX - 3 * size);
    expect(fitsPart(indexer, { lastOffset: 3, sizeInBytes: last.header.sizeInBytes })).toBe(true);
    indexer.append(last);
    expect(fitsPart(indexer, { lastOffset: 4, sizeInBytes: 61 })).toBe(false);
    expect(() => indexer.append(large(4, 61))).toThrow('too far from the base');
    const { offsetIndex, logBytes } = indexer.finish(4, []);
    expect(logBytes).toBe(PART_LOG_BYTES_MAX);
    expect(offsetIndex.readInt32BE(offsetIndex.length - 4)).toBe(3 * size);
  });

  it('reach to 2^31 - 1 offsets from the base', () => {
    const base = 2 ** 40;
    const indexer = new PartIndexer(base, 0);
    indexer.append(large(base, 100));
    indexer.append(large(base + 5, 100, base + 2 ** 31 - 1));
    expect(() => indexer.append(large(base + 2 ** 31, 100))).toThrow('too far from the base');
    const { offsetIndex, timeIndex } = indexer.finish(base + 2 ** 31, []);
    expect(offsetIndex.readInt32BE(0)).toBe(2 ** 31 - 1);
    expect(timeIndex.readInt32BE(timeIndex.length - 4)).toBe(2 ** 31 - 1);
  });

  it('take batches in order only', () => {
    const indexer = new PartIndexer(10);
    expect(() => indexer.append(large(9, 100))).toThrow('a batch at 9 behind 10');
    indexer.append(large(12, 100, 15));
    expect(indexer.nextOffset).toBe(16);
    expect(() => indexer.append(large(15, 100))).toThrow('a batch at 15 behind 16');
    expect(() => indexer.finish(15, [])).toThrow('the part ends at 15, its batches at 16');
  });

  it('take aborted transactions in order only', () => {
    const finish = (...offsets: [number, number, number][]) => {
      const aborted = offsets.map(([firstOffset, lastOffset, lastStableOffset]) => ({
        producerId: 1,
        firstOffset,
        lastOffset,
        lastStableOffset,
      }));
      return () => new PartIndexer(10).finish(30, aborted);
    };
    expect(finish([3, 12, 5], [5, 15, 16])).not.toThrow();
    expect(finish([3, 12, 5], [5, 12, 13])).toThrow('a marker at offset 12 behind that at 12');
    expect(finish([3, 12, 13], [5, 15, 12])).toThrow('a last stable offset of 12 after one of 13');
    expect(finish([3, 9, 10])).toThrow('in another part');
    expect(finish([3, 30, 31])).toThrow('in another part');
    expect(finish([12, 12, 13])).toThrow('an aborted transaction from offset 12 to 12');
    expect(finish([11, 12, 14])).toThrow('a last stable offset of 14 after the marker at offset 12');
  });
});
