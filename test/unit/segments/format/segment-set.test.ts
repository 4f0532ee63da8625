import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../../lib/core/bytes.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { buildSegmentSet, SegmentSetBuilder } from '../../../../lib/segments/format/segment-set.ts';
import { builtOf, bytesOf, contentOf, indexOf, KEY, logOf, rowsOf, type Step } from './contents.ts';

const data = (timestamp: number, valueBytes = 10): Step => ({ kind: 'data', timestamps: [timestamp], valueBytes });

describe('a segment set', () => {
  const contents = [
    contentOf([data(5), { kind: 'epoch' }, data(7)], 0, 100),
    contentOf(
      [
        { kind: 'data', timestamps: [1, 2], valueBytes: 10, producer: 9 },
        { kind: 'marker', producer: 9, type: 'abort', timestamp: 3 },
      ],
      2,
    ),
  ];

  it('begins with the logs, byte for byte, and uses the buffers that it was given', () => {
    const set = buildSegmentSet(contents, { key: KEY });
    const logs = contents.flatMap(({ batches }) => batches);
    expect(bytesOf(set).subarray(0, Buffer.concat(logs).length)).toEqual(Buffer.concat(logs));
    expect(set.chunks.slice(0, logs.length).every((chunk, index) => chunk === logs[index])).toBe(true);
    expect(bytesOf(set)).toHaveLength(set.size);
  });

  it('tells its parts in the directory at its end', () => {
    const set = buildSegmentSet(contents, { key: KEY });
    expect(rowsOf(bytesOf(set))).toEqual(set.rows);
    expect(set.rows.map(({ part }) => part)).toEqual(set.parts);
    expect(set.parts).toMatchObject([
      { partition: 0, baseOffset: 100, nextOffset: 102, maxTimestamp: 7, maxTimestampOffset: 101, log: { start: 0 } },
      { partition: 2, baseOffset: 0, nextOffset: 3, maxTimestamp: 3, maxTimestampOffset: 2 },
    ]);
    expect(set.rows.map(({ epochs }) => epochs)).toEqual([
      [
        { epoch: 0, startOffset: 100 },
        { epoch: 1, startOffset: 101 },
      ],
      [{ epoch: 0, startOffset: 0 }],
    ]);
    const object = bytesOf(set);
    expect(set.parts.map((part) => logOf(object, part))).toEqual(contents.map(({ batches }) => Buffer.concat(batches)));
    expect(indexOf(object, set.parts[1]!).aborted).toEqual([
      { producerId: 9, firstOffset: 0, lastOffset: 2, lastStableOffset: 3 },
    ]);
  });

  it('may have several parts of a partition, and parts without records', () => {
    const empty = { partition: 1, baseOffset: 0, nextOffset: 50, batches: [], aborted: [] };
    const later = contentOf([data(1)], 1, 50);
    const set = buildSegmentSet([empty, later], { key: KEY });
    expect(rowsOf(bytesOf(set)).map(({ part }) => part)).toEqual(set.parts);
    expect(set.parts[0]).toMatchObject({ log: { start: 0, length: 0 }, index: { length: 0 }, maxTimestamp: -1 });
    expect(indexOf(bytesOf(set), set.parts[0]!).offsets.count).toBe(0);
  });

  it('keeps the leader epochs that it was given for a compacted range', () => {
    const epochs = [
      { epoch: 0, startOffset: 20 },
      { epoch: 3, startOffset: 30 },
    ];
    const set = buildSegmentSet([{ ...contentOf([data(1)], 0, 40), baseOffset: 30, epochs }], { key: KEY });
    expect(rowsOf(bytesOf(set))[0]!.epochs).toEqual(epochs);
  });

  it('is the same when it is built piece by piece', () => {
    const builder = new SegmentSetBuilder({ key: KEY });
    for (const { partition, baseOffset, nextOffset, batches, aborted } of contents) {
      builder.begin(partition, baseOffset);
      builder.append(Buffer.concat(batches));
      builder.end(nextOffset, aborted);
    }
    const set = buildSegmentSet(contents, { key: KEY });
    expect(bytesOf(builder.finish())).toEqual(bytesOf(set));
  });

  it('refuses contents that are out of order', () => {
    const [first, second] = [contentOf([data(1)], 1, 10), contentOf([data(1)], 1, 11)];
    expect(() => buildSegmentSet([second, first], { key: KEY })).toThrow('offsets from 10 behind 12');
    expect(() => buildSegmentSet([contentOf([data(1)], 2), first], { key: KEY })).toThrow('partition 1 behind 2');
    expect(() => buildSegmentSet([{ ...first, nextOffset: 10 }], { key: KEY })).toThrow('ends at 10');
    expect(() => buildSegmentSet([{ ...first, baseOffset: 11 }], { key: KEY })).toThrow(MalformedBytesError);
    expect(() => buildSegmentSet([{ ...first, batches: [first.batches[0]!.subarray(1)] }], { key: KEY })).toThrow();
    const strange = { producerId: 1, firstOffset: 3, lastOffset: 12, lastStableOffset: 13 };
    expect(() => buildSegmentSet([{ ...first, aborted: [strange] }], { key: KEY })).toThrow('in another part');
  });

  it('refuses half a batch', () => {
    const [batch] = contentOf([data(1)]).batches;
    const content = { ...contentOf([data(1)]), batches: [batch!.subarray(0, -1)] };
    expect(() => buildSegmentSet([content], { key: KEY })).toThrow('behind the last whole batch');
  });
});

describe('the offset index of a part', () => {
  it('has an entry for the first batch after more than the interval', () => {
    const batches = contentOf([data(1, 50), data(2, 50), data(3, 50), data(4, 50)]);
    const size = batches.batches[0]!.length;
    const entries = (indexIntervalBytes: number) => {
      const { offsets } = builtOf(batches, { indexIntervalBytes }).index;
      return Array.from({ length: offsets.count }, (_, slot) => offsets.entry(slot));
    };
    expect(entries(2 * size)).toEqual([{ offset: 3, position: 3 * size }]);
    expect(entries(2 * size - 1)).toEqual([{ offset: 2, position: 2 * size }]);
    expect(entries(0)).toEqual([1, 2, 3].map((slot) => ({ offset: slot, position: slot * size })));
    expect(entries(4096)).toEqual([]);
  });
});

describe('the time index of a part', () => {
  const entries = (timestamps: readonly number[]) => {
    const content = contentOf(timestamps.map((timestamp) => data(timestamp)));
    const { times } = builtOf(content, { indexIntervalBytes: 0 }).index;
    return Array.from({ length: times.count }, (_, slot) => times.entry(slot));
  };

  it('has the largest timestamp so far and the first batch that has it', () => {
    expect(entries([5, 9, 9, 3, 12])).toEqual([
      { timestamp: 9, offset: 1 },
      { timestamp: 12, offset: 4 },
    ]);
  });

  it('ends with the largest timestamp, also where no offset was indexed', () => {
    expect(entries([7])).toEqual([{ timestamp: 7, offset: 0 }]);
  });

  it('is empty without timestamps', () => {
    expect(entries([-1, -1])).toEqual([]);
  });

  it('has timestamps that a number cannot hold as the batch has them', () => {
    const batch = Buffer.from(encodeBatch([{ timestamp: 5 }]));
    batch.writeBigInt64BE(2n ** 63n - 1n, 35);
    const { object, part } = builtOf({ partition: 0, baseOffset: 0, nextOffset: 1, batches: [batch], aborted: [] });
    expect(object.readBigInt64BE(part.index.start)).toBe(2n ** 63n - 1n);
    expect(part.maxTimestamp).toBe(Number.MAX_SAFE_INTEGER);
    expect(rowsOf(object)[0]!.part).toEqual(part);
  });
});
