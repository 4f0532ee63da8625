import { describe, expect, it } from 'vitest';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { buildSegmentSet } from '../../../lib/segments/format/segment-set.ts';
import { batchWindows, SegmentGoneError } from '../../../lib/segments/segment-batches.ts';
import type { LiveSegment } from '../../../lib/storage/items/segment.ts';
import type { BlobRange } from '../../../lib/storage/ports.ts';

const KEY = 'segment/topic/p0/0-n';

/** A segment of batches with values of these sizes, and the ranges that were read of its object. */
function segmentOf(sizes: readonly number[]) {
  const batches = sizes.map((size, baseOffset) =>
    encodeBatch([{ timestamp: 1, value: Buffer.alloc(size, 'v') }], { baseOffset }),
  );
  const content = { partition: 0, baseOffset: 0, nextOffset: sizes.length + 5, batches, aborted: [] };
  const set = buildSegmentSet([content], { key: KEY });
  const segment = { ...set.parts[0]!, key: KEY, state: 'live' } as LiveSegment;
  const object = Buffer.concat(set.chunks);
  const asked: [number, number][] = [];
  const blobs = {
    getRange: async (key: string, start: number, end: number): Promise<BlobRange> => {
      asked.push([start, end]);
      if (key !== KEY) return { kind: 'missing', storeTime: 0 };
      const bytes = Buffer.from(object.subarray(start, end));
      return { kind: 'found', bytes, size: object.length, modified: 0, storeTime: 0 };
    },
  };
  const read = async (windowBytes: number, of: LiveSegment = segment) => {
    const windows: number[][] = [];
    for await (const window of batchWindows(blobs, of, windowBytes)) {
      windows.push(window.map(({ header }) => header.baseOffset));
      for (const { bytes, position } of window) {
        expect(object.subarray(position, position + bytes.length).equals(bytes)).toBe(true);
      }
    }
    return windows;
  };
  return { segment, object, asked, read, logBytes: segment.log.length };
}

describe('batchWindows', () => {
  it('reads the log in ranges of the window, each byte once', async () => {
    const { asked, read, logBytes } = segmentOf([10, 20, 30, 10, 40]);
    const windows = await read(200);
    expect(windows.flat()).toEqual([0, 1, 2, 3, 4]);
    expect(asked).toEqual([
      [0, 200],
      [200, 400],
      [400, logBytes],
    ]);
  });

  it('passes a batch that is larger than a window', async () => {
    const { read } = segmentOf([10, 1_000, 10]);
    expect((await read(150)).flat()).toEqual([0, 1, 2]);
  });

  it('reads nothing of an empty log', async () => {
    const { asked, read } = segmentOf([]);
    expect((await read(100)).flat()).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('refuses a batch with another CRC, one behind the segment, and a log that is cut off', async () => {
    const { segment, object, read, logBytes } = segmentOf([10, 20, 30]);
    await expect(read(1_000, { ...segment, log: { start: 0, length: logBytes - 1 } })).rejects.toThrow(
      'a log ends within a batch',
    );
    await expect(read(1_000, { ...segment, nextOffset: 2 })).rejects.toThrow('a batch ends at offset 2');
    object[logBytes - 3]! ^= 1;
    await expect(read(100)).rejects.toThrow(/object segment.topic.p0.0-n, byte \d+: a batch with CRC/);
  });

  it('tells a missing object from a damaged one', async () => {
    const { segment, read } = segmentOf([10]);
    await expect(read(100, { ...segment, key: 'other' })).rejects.toThrow(SegmentGoneError);
    await expect(read(1_000, { ...segment, log: { start: 0, length: 900 } })).rejects.toThrow(SegmentGoneError);
  });
});
