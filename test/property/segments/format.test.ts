import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MalformedBytesError } from '../../../lib/core/bytes.ts';
import type { Offset } from '../../../lib/core/offset.ts';
import { lastOffset, splitBatches } from '../../../lib/records/batch.ts';
import { crc32c } from '../../../lib/records/crc32c.ts';
import {
  abortedIn,
  decodeIndexBlock,
  type PartIndex,
  positionOf,
  positionOfTime,
  rangeOf,
} from '../../../lib/segments/format/index-block.ts';
import { splitLog } from '../../../lib/segments/format/log-batches.ts';
import { buildSegmentSet, type PartContent } from '../../../lib/segments/format/segment-set.ts';
import { runs } from '../../support/runs.ts';
import { builtOf, bytesOf, contentOf, indexOf, KEY, logOf, rowsOf } from '../../unit/segments/format/contents.ts';
import { content, indexIntervalBytes, steps } from './logs.ts';

/** The batches with their positions, by a walk over the whole log. */
function walk(log: Buffer) {
  let position = 0;
  return splitBatches(log).map(({ header }) => {
    const batch = { header, position, last: lastOffset(header) };
    position += header.sizeInBytes;
    return batch;
  });
}

/** The position of the batch that a reader finds from `start` on: the first that ends at or behind `offset`. */
function scan(log: Buffer, start: number, offset: Offset): number | undefined {
  let position = start;
  for (const { header } of splitLog(log.subarray(start), { key: KEY, position: start }).batches) {
    if (lastOffset(header) >= offset) return position;
    position += header.sizeInBytes;
  }
  return undefined;
}

const offsetsAround = ({ baseOffset, nextOffset }: PartContent) =>
  Array.from({ length: Math.min(nextOffset - baseOffset + 2, 400) }, (_, index) => baseOffset + index);

describe('a built part', () => {
  it('finds every offset where a walk over the log does', () => {
    fc.assert(
      fc.property(content, indexIntervalBytes, (log, interval) => {
        const built = builtOf(log, { indexIntervalBytes: interval });
        const batches = walk(built.log);
        for (const offset of offsetsAround(log)) {
          const expected = batches.find(({ last }) => last >= offset);
          expect(scan(built.log, positionOf(built.index, offset), offset)).toBe(expected?.position);
          if (expected === undefined) continue;
          const { start, end } = rangeOf(built.index, offset);
          expect(start).toBeLessThanOrEqual(expected.position);
          expect(end).toBeGreaterThanOrEqual(expected.position + expected.header.sizeInBytes);
          // It ends where a batch does.
          expect(splitLog(built.log.subarray(start, end), { key: KEY }).end).toBe(end - start);
        }
      }),
      { numRuns: runs(200) },
    );
  });

  it('finds every timestamp where a walk over the log does', () => {
    fc.assert(
      fc.property(content, indexIntervalBytes, fc.array(fc.maxSafeNat()), (log, interval, others) => {
        const { index, log: bytes, part } = builtOf(log, { indexIntervalBytes: interval });
        const batches = walk(bytes);
        const times = batches.map(({ header }) => header.maxTimestamp);
        expect(part.maxTimestamp).toBe(Math.max(-1, ...times));
        const first = batches.find(({ header }) => header.maxTimestamp === part.maxTimestamp && part.maxTimestamp >= 0);
        expect(part.maxTimestampOffset).toBe(first?.header.baseOffset ?? -1);
        for (const timestamp of [...times, ...times.map((one) => one + 1), ...others, 0].filter((one) => one >= 0)) {
          const expected = batches.find(({ header }) => header.maxTimestamp >= timestamp);
          const start = positionOfTime(index, timestamp);
          if (expected === undefined) expect(start).toBeUndefined();
          else {
            expect(start).toBeLessThanOrEqual(expected.position);
            const behind = batches.filter(({ position }) => position >= start!);
            expect(behind.find(({ header }) => header.maxTimestamp >= timestamp)).toEqual(expected);
          }
        }
      }),
      { numRuns: runs(200) },
    );
  });

  it('has the leader epochs of its batches', () => {
    fc.assert(
      fc.property(content, (log) => {
        const { set, log: bytes } = builtOf(log);
        const epochs = new Map<number, Offset>();
        for (const { header } of walk(bytes)) {
          if (!epochs.has(header.partitionLeaderEpoch)) epochs.set(header.partitionLeaderEpoch, header.baseOffset);
        }
        expect(set.rows[0]!.epochs).toEqual([...epochs].map(([epoch, startOffset]) => ({ epoch, startOffset })));
      }),
      { numRuns: runs(200) },
    );
  });

  it('is decoded from an object of many parts as it was built', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 5 }), indexIntervalBytes, (all, interval) => {
        const contents = all
          .map((one, partition) => contentOf(one, partition, partition * 7))
          .filter(({ baseOffset, nextOffset }) => nextOffset > baseOffset);
        const set = buildSegmentSet(contents, { key: KEY, indexIntervalBytes: interval });
        const object = bytesOf(set);
        expect(rowsOf(object)).toEqual(set.rows);
        set.parts.forEach((part, index) => {
          expect(logOf(object, part)).toEqual(Buffer.concat(contents[index]!.batches));
          expect(indexOf(object, part).aborted).toEqual(contents[index]!.aborted);
        });
      }),
      { numRuns: runs(100) },
    );
  });
});

describe('aborted transactions over several parts', () => {
  /** One log cut into parts of a set wherever `cuts` say, as sealing does. */
  function partsOf(whole: PartContent, cuts: readonly number[]): PartIndex[] {
    const ends = [...new Set(cuts.map((cut) => cut % whole.batches.length))]
      .filter((cut) => cut > 0)
      .sort((a, b) => a - b);
    const groups = [0, ...ends].map((start, index) => whole.batches.slice(start, ends[index] ?? whole.batches.length));
    const starts = groups.map(([first], index) => (index === 0 ? whole.baseOffset : Number(first!.readBigInt64BE())));
    const contents = groups.map((batches, index) => {
      const [baseOffset, nextOffset] = [starts[index]!, starts[index + 1] ?? whole.nextOffset];
      const aborted = whole.aborted.filter(({ lastOffset: at }) => at >= baseOffset && at < nextOffset);
      return { ...whole, baseOffset, nextOffset, batches, aborted };
    });
    const set = buildSegmentSet(contents, { key: KEY });
    return set.parts.map((part) => indexOf(bytesOf(set), part));
  }

  it('are those that overlap, wherever their markers lie and the search begins', () => {
    const range = fc.tuple(fc.nat(), fc.nat());
    fc.assert(
      fc.property(content, fc.array(fc.nat(), { maxLength: 5 }), fc.array(range), (whole, cuts, ranges) => {
        fc.pre(whole.batches.length > 0);
        const parts = partsOf(whole, cuts);
        const length = whole.nextOffset - whole.baseOffset;
        for (const [a, b] of ranges) {
          const from = whole.baseOffset + (a % length);
          const to = from + 1 + (b % length);
          const found = [];
          for (const part of parts.filter((one) => one.part.nextOffset > from)) {
            const { aborted, isComplete } = abortedIn(part, from, to);
            found.push(...aborted);
            if (isComplete) break;
          }
          const overlapping = whole.aborted.filter(
            ({ firstOffset, lastOffset: last }) => last >= from && firstOffset < to,
          );
          expect(found).toEqual(overlapping);
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

describe('a damaged object', () => {
  it('is noticed, whatever byte behind the logs was changed', () => {
    fc.assert(
      fc.property(content, indexIntervalBytes, fc.integer({ min: 1, max: 255 }), (log, interval, by) => {
        const { object, part } = builtOf(log, { indexIntervalBytes: interval });
        for (let at = part.index.start; at < object.length; at++) {
          const copy = Buffer.from(object);
          copy[at]! ^= by;
          // A reader takes the row from the directory, or from the entry that names the object.
          if (at >= part.index.start + part.index.length) expect(() => rowsOf(copy)).toThrow(MalformedBytesError);
          else expect(() => indexOf(copy, part)).toThrow(MalformedBytesError);
        }
      }),
      { numRuns: runs(15) },
    );
  });

  it('is refused with the documented error, also where the checksum is right', () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(content, change, (log, changes) => {
        const { object, part } = builtOf(log, { indexIntervalBytes: 0 });
        fc.pre(part.index.length > 0);
        const block = Buffer.from(object.subarray(part.index.start, part.index.start + part.index.length));
        for (const [at, value] of changes) block[at % block.length] = value;
        try {
          decodeIndexBlock(KEY, { ...part, indexCrc: crc32c(block) }, block);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytesError);
          expect((error as Error).message).toContain(`object ${KEY}, byte `);
        }
      }),
      { numRuns: runs(300) },
    );
  });

  it('splits garbage only into an error or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          expect(splitLog(Buffer.from(bytes), { key: KEY }).batches).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytesError);
        }
      }),
      { numRuns: runs(500) },
    );
  });
});
