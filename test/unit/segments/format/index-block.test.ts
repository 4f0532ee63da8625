import { describe, expect, it } from 'vitest';
import type { SegmentPart } from '../../../../lib/journal/segment-part.ts';
import { crc32c } from '../../../../lib/records/crc32c.ts';
import {
  abortedIn,
  decodeIndexBlock,
  offsetOfTime,
  positionOf,
  positionOfTime,
  rangeOf,
} from '../../../../lib/segments/format/index-block.ts';
import { builtOf, contentOf, KEY, type Step } from './contents.ts';

const data = (timestamp: number, producer?: number): Step => ({
  kind: 'data',
  timestamps: [timestamp],
  valueBytes: 50,
  ...(producer !== undefined && { producer }),
});
const abort = (producer: number): Step => ({ kind: 'marker', producer, type: 'abort', timestamp: 9 });

describe('look-ups in the index of a part', () => {
  const content = contentOf(
    [10, 20, 20, 5, 30, 40].map((timestamp) => data(timestamp)),
    0,
    100,
  );
  const size = content.batches[0]!.length;
  // An entry for every second batch.
  const { index, part } = builtOf(content, { indexIntervalBytes: size });

  it('begin a search for an offset at the entry at or below it', () => {
    expect([0, 1].map((slot) => index.offsets.entry(slot))).toEqual([
      { offset: 102, position: 2 * size },
      { offset: 104, position: 4 * size },
    ]);
    expect([100, 101, 102, 103, 104, 105, 999].map((offset) => positionOf(index, offset) / size)).toEqual([
      0, 0, 2, 2, 4, 4, 4,
    ]);
  });

  it('tell the bytes in which the batch lies', () => {
    const ranges = [100, 102, 103, 105].map((offset) => rangeOf(index, offset));
    expect(ranges.map(({ start, end }) => [start / size, end / size])).toEqual([
      [0, 4],
      [2, 4],
      [2, 6],
      [4, 6],
    ]);
    expect(rangeOf(index, 100, 5 * size).end).toBe(5 * size);
    expect(rangeOf(index, 100, 1e9).end).toBe(part.log.length);
  });

  it('find where a timestamp may be first', () => {
    expect(index.times.count).toBe(3);
    expect([1, 20, 25, 30, 35, 40].map((timestamp) => offsetOfTime(index, timestamp))).toEqual([
      100, 101, 101, 104, 104, 105,
    ]);
    expect([1, 20, 30, 40].map((timestamp) => positionOfTime(index, timestamp)! / size)).toEqual([0, 0, 4, 4]);
    expect(positionOfTime(index, 41)).toBeUndefined();
  });
});

describe('the aborted transactions of a part', () => {
  it('are those that overlap the range, up to the marker that left none open below its end', () => {
    const steps = [data(1, 1), data(1, 2), abort(1), data(1, 3), abort(2), abort(3), data(1)];
    const { index } = builtOf(contentOf(steps));
    const [first, second, third] = index.aborted;
    expect(index.aborted.map(({ lastStableOffset }) => lastStableOffset)).toEqual([1, 3, 6]);
    expect(abortedIn(index, 0, 1)).toEqual({ aborted: [first], isComplete: true });
    expect(abortedIn(index, 0, 3)).toEqual({ aborted: [first, second], isComplete: true });
    expect(abortedIn(index, 3, 6)).toEqual({ aborted: [second, third], isComplete: true });
    expect(abortedIn(index, 6, 7)).toEqual({ aborted: [], isComplete: false });
  });
});

describe('an index block', () => {
  const steps = [data(1, 1), abort(1), data(17, 2), abort(2), data(19)];
  const { object, part } = builtOf(contentOf(steps), { indexIntervalBytes: 0 });
  const { start, length } = part.index;
  const block = object.subarray(start, start + length);

  it('is refused where any byte was changed or is missing', () => {
    for (let at = 0; at < length; at++) {
      const copy = Buffer.from(block);
      copy[at]! ^= 1;
      expect(() => decodeIndexBlock(KEY, part, copy)).toThrow(`object ${KEY}, byte ${start}: an index with CRC`);
      expect(() => decodeIndexBlock(KEY, part, block.subarray(0, at))).toThrow(
        `byte ${start}: an index of ${at} bytes`,
      );
    }
  });

  /** The block with a change whose checksum is right. */
  const changed = (change: (block: Buffer) => void, by: Partial<SegmentPart> = {}) => {
    const copy = Buffer.from(block);
    change(copy);
    return () => decodeIndexBlock(KEY, { ...part, indexCrc: crc32c(copy), ...by }, copy);
  };
  const times = part.offsetIndexBytes;
  const transactions = times + part.timeIndexBytes;

  it('is refused, with the position of the entry, where entries are out of order or of another part', () => {
    const at = (position: number) => `object ${KEY}, byte ${start + position}: `;
    expect(changed(() => {})).not.toThrow();
    expect(changed((bytes) => bytes.writeInt32BE(1, 8))).toThrow(`${at(8)}an offset index entry of offset 1`);
    expect(changed((bytes) => bytes.writeInt32BE(99, 8))).toThrow(`${at(8)}an offset index entry of offset 99`);
    expect(changed((bytes) => bytes.writeInt32BE(1e6, 12))).toThrow(`${at(8)}an offset index entry`);
    expect(changed((bytes) => bytes.writeInt32BE(-1, 0))).toThrow(`${at(0)}an offset index entry`);
    expect(changed((bytes) => bytes.writeInt32BE(0, times + 16))).toThrow(`${at(times + 12)}a time index entry`);
    expect(changed((bytes) => bytes.writeInt32BE(99, times + 8))).toThrow(`${at(times)}a time index entry`);
    expect(changed((bytes) => bytes.writeInt16BE(1, transactions))).toThrow(
      `${at(transactions)}an aborted transaction of`,
    );
    const second = transactions + 34;
    expect(changed((bytes) => bytes.writeBigInt64BE(1n, second + 18))).toThrow(
      `${at(second)}an aborted transaction from`,
    );
    expect(changed((bytes) => bytes.writeBigInt64BE(9n, second + 26))).toThrow(
      `${at(second)}a last stable offset of 9`,
    );
    expect(changed((bytes) => bytes.writeBigInt64BE(0n, second + 26))).toThrow(
      `${at(second)}a last stable offset of 0`,
    );
  });

  it('is refused where the lengths of its parts are impossible', () => {
    const unchanged = () => {};
    expect(changed(unchanged, { offsetIndexBytes: times + 1 })).toThrow('not a multiple of 8');
    expect(changed(unchanged, { timeIndexBytes: part.timeIndexBytes - 1 })).toThrow('not a multiple of 12');
    expect(changed(unchanged, { timeIndexBytes: part.timeIndexBytes + 12 })).toThrow(`object ${KEY}`);
    expect(changed(unchanged, { timeIndexBytes: 12 * 1000 })).toThrow('shorter than its parts');
  });
});
