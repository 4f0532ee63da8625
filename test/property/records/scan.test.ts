import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BATCH_OVERHEAD_BYTES, readBatchHeader } from '../../../lib/records/batch.ts';
import { RecordCursor } from '../../../lib/records/cursor.ts';
import { encodeBatch, type RecordInput } from '../../../lib/records/encode.ts';
import { CorruptRecordError } from '../../../lib/records/error.ts';
import { RecordScan } from '../../../lib/records/scan.ts';

type Seen = readonly [offsetDelta: number, timestamp: number, keyLength: number];

/** What a batch's records are, or that they are not what the format demands. */
type Verdict = readonly Seen[] | 'corrupt';

const BASE_TIMESTAMP = 1_000;
const header = readBatchHeader(encodeBatch([{ timestamp: BASE_TIMESTAMP }]));

/** As near as a double comes. */
function saturated(value: bigint): number {
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > limit ? limit : value < -limit ? -limit : value);
}

/** Reads records one number after the other in 64-bit arithmetic, with no thought of speed. */
function plainly(payload: Buffer, count: number): Verdict {
  const seen: Seen[] = [];
  let at = 0;
  let end = payload.length;
  const number = (bytesMax: number): bigint => {
    let value = 0n;
    for (let i = 0; i < bytesMax; i++) {
      if (at >= end) throw new RangeError();
      const byte = payload[at++]!;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) {
        if (bytesMax === 5) value = BigInt.asUintN(32, value);
        return (value >> 1n) ^ -(value & 1n);
      }
    }
    throw new RangeError();
  };
  const field = (): number => {
    const length = Number(number(5));
    if (length < 0) return -1;
    if (length > end - at) throw new RangeError();
    at += length;
    return length;
  };
  try {
    while (seen.length < count) {
      end = payload.length;
      const size = Number(number(5));
      if (size < 1 || size > end - at) throw new RangeError();
      end = at + size;
      at++;
      const timestamp = BASE_TIMESTAMP + saturated(number(10));
      const offsetDelta = Number(number(5));
      const keyLength = field();
      field();
      const headers = Number(number(5));
      if (headers < 0) throw new RangeError();
      for (let i = 0; i < headers; i++) {
        if (field() < 0) throw new RangeError();
        field();
      }
      if (at !== end) throw new RangeError();
      seen.push([offsetDelta, timestamp, keyLength]);
    }
    if (at !== payload.length) throw new RangeError();
    return seen;
  } catch (error) {
    if (error instanceof RangeError) return 'corrupt';
    throw error;
  }
}

function inPieces(payload: Buffer, recordCount: number, cuts: readonly number[]): Verdict {
  const seen: Seen[] = [];
  const places = [...cuts.map((cut) => cut % (payload.length + 1)), 0, payload.length].sort((a, b) => a - b);
  try {
    const scan = new RecordScan({ ...header, recordCount }, ({ offsetDelta, timestamp, keyLength }) => {
      seen.push([offsetDelta, timestamp, keyLength]);
    });
    for (let i = 1; i < places.length; i++) scan.feed(payload.subarray(places[i - 1], places[i]));
    scan.finish();
    return seen;
  } catch (error) {
    if (error instanceof CorruptRecordError) return 'corrupt';
    throw error;
  }
}

function byCursor(payload: Buffer, recordCount: number): Verdict {
  const seen: Seen[] = [];
  try {
    const cursor = new RecordCursor(payload, { ...header, recordCount });
    while (cursor.next()) seen.push([cursor.offsetDelta, cursor.timestamp, cursor.keyLength]);
    return seen;
  } catch (error) {
    if (error instanceof CorruptRecordError) return 'corrupt';
    throw error;
  }
}

const bytes = fc.uint8Array({ maxLength: 80 }).map((data) => Buffer.from(data));
const nullable = fc.option(bytes, { nil: null });
const record: fc.Arbitrary<RecordInput> = fc.record({
  timestamp: fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.nat({ max: 2 ** 45 })),
  key: nullable,
  value: nullable,
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 5 }), value: nullable }), { maxLength: 3 }),
});
const payloads = fc.array(record, { minLength: 1, maxLength: 12 }).map((records) => {
  const first = { timestamp: BASE_TIMESTAMP };
  return { count: records.length + 1, payload: encodeBatch([first, ...records]).subarray(BATCH_OVERHEAD_BYTES) };
});
const cuts = fc.array(fc.nat(), { maxLength: 20 });
const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 });

describe('records that come in pieces', () => {
  it('are what they are in one, wherever the pieces end', () => {
    fc.assert(
      fc.property(payloads, cuts, ({ payload, count }, where) => {
        const expected = plainly(payload, count);
        expect(expected).not.toBe('corrupt');
        expect(inPieces(payload, count, where)).toEqual(expected);
        expect(inPieces(payload, count, [...payload.keys()])).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('are refused for what a plain reading refuses them for, and taken for nothing else', () => {
    fc.assert(
      fc.property(payloads, cuts, flips, fc.integer({ min: -1, max: 1 }), ({ payload, count }, where, places, more) => {
        const damaged = Buffer.from(payload);
        for (const [place, value] of places) damaged[place % damaged.length] = value;
        const expected = plainly(damaged, count + more);
        expect(inPieces(damaged, count + more, where)).toEqual(expected);
        expect(inPieces(damaged, count + more, [])).toEqual(expected);
        expect(byCursor(damaged, count + more)).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });
});
