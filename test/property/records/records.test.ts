import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchField, computeCrc, lastOffset, readBatchHeader, splitBatches } from '../../../lib/records/batch.ts';
import { Codec, type CodecId, canCompress } from '../../../lib/records/compression/codec.ts';
import { type BatchOptions, encodeBatch, type RecordInput } from '../../../lib/records/encode.ts';
import { CorruptRecordError } from '../../../lib/records/error.ts';
import { findByTimestamp, findMaxTimestamp } from '../../../lib/records/timestamps.ts';
import { readProducedBatch, validateProduceRecords } from '../../../lib/records/validate.ts';
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from '../../../lib/records/varint.ts';
import { readRecords } from '../../support/read-records.ts';
import { byCodec } from '../../unit/records/golden.ts';

const bytes = fc.uint8Array({ maxLength: 50 }).map((data) => Buffer.from(data));
const nullable = fc.option(bytes, { nil: null });
const text = fc.string({ unit: 'grapheme', maxLength: 10 });
const header = fc.record({ key: text, value: nullable });
const timestamp = fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.maxSafeNat());
const record: fc.Arbitrary<Required<Omit<RecordInput, 'offset'>>> = fc.record({
  timestamp,
  key: nullable,
  value: nullable,
  headers: fc.array(header, { maxLength: 3 }),
});
const records = fc.array(record, { minLength: 1, maxLength: 20 });
const codec = fc.constantFrom(...Object.values(Codec).filter((id: CodecId) => canCompress(id)));
const options: fc.Arbitrary<BatchOptions> = fc.record({
  baseOffset: fc.nat({ max: 2 ** 40 }),
  codec,
  producerId: fc.nat(),
  producerEpoch: fc.nat({ max: 32767 }),
  baseSequence: fc.nat({ max: 2 ** 31 - 1 }),
  partitionLeaderEpoch: fc.nat(),
  isTransactional: fc.boolean(),
});

const RULES = {
  allowsZstd: true,
  maxMessageBytes: 1_000_000,
  requireKeys: false,
  timestampType: 'CreateTime' as const,
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  validation: 'full' as const,
  codec: undefined,
  now: 0,
};

/** A share of work so small that it takes several. */
const share = async () => ({ left: 1 });

describe('record batches', () => {
  it('give back what went in', () => {
    fc.assert(
      fc.property(records, options, (input, how) => {
        const batch = encodeBatch(input, how);
        expect(readRecords(batch)).toEqual(input.map((one, i) => ({ ...one, offset: how.baseOffset! + i })));
        const read = readBatchHeader(batch);
        const { codec: _, isTransactional: __, ...fields } = how;
        expect(read).toMatchObject({ ...fields, sizeInBytes: batch.length, crc: computeCrc(batch) });
        expect(lastOffset(read)).toBe(how.baseOffset! + input.length - 1);
      }),
      { numRuns: 200 },
    );
  });

  it('are valid to produce as they are encoded, also where each record is looked at', () => {
    fc.assert(
      fc.property(records, options, (input, how) => {
        const batch = encodeBatch(input, { ...how, baseOffset: 0 });
        expect(validateProduceRecords(readProducedBatch(batch), RULES)).toMatchObject({ kind: 'valid', batch });
      }),
      { numRuns: 100 },
    );
  });

  it('find timestamps as a search over all records does', async () => {
    await fc.assert(
      fc.asyncProperty(records, codec, timestamp, fc.nat({ max: 20 }), async (input, id, target, start) => {
        const batch = encodeBatch(input, { codec: id });
        const all = input.map((one, offset) => ({ offset, timestamp: one.timestamp }));
        expect(await findByTimestamp(batch, target, share, start)).toEqual(
          all.find((one) => one.timestamp >= target && one.offset >= start),
        );
        const max = Math.max(...all.map((one) => one.timestamp));
        expect(await findMaxTimestamp(batch, share)).toEqual(all.find((one) => one.timestamp === max));
      }),
      { numRuns: 100 },
    );
  });

  it('are split where they were joined', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(records, options), { maxLength: 4 }), fc.nat(), (parts, cut) => {
        const batches = parts.map(([input, how]) => encodeBatch(input, how));
        const log = Buffer.concat(batches);
        expect(splitBatches(log).map((view) => view.bytes)).toEqual(batches);
        const end = cut % (log.length + 1);
        let whole = 0;
        for (let size = 0; whole < batches.length && size + batches[whole]!.length <= end; whole++) {
          size += batches[whole]!.length;
        }
        expect(splitBatches(log.subarray(0, end))).toHaveLength(whole);
      }),
      { numRuns: 50 },
    );
  });
});

describe('damaged batches', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { minLength: 1, maxLength: 5 });
  const golden = fc.constantFrom(...Object.values(byCodec));
  const damaged = fc
    .tuple(
      fc.oneof(
        golden,
        fc.tuple(records, options).map(([input, how]) => encodeBatch(input, how)),
      ),
      flips,
    )
    .map(([batch, places]) => {
      const copy = Buffer.from(batch);
      for (const [place, bit] of places) copy[place % copy.length]! ^= 1 << bit;
      return copy;
    });

  const onlyDocumented = async (read: () => unknown): Promise<boolean> => {
    try {
      await read();
    } catch (error) {
      return error instanceof CorruptRecordError;
    }
    return true;
  };

  it('are read, or refused with the documented error', async () => {
    await fc.assert(
      fc.asyncProperty(damaged, async (batch) => {
        expect(await onlyDocumented(() => readRecords(batch))).toBe(true);
        expect(await onlyDocumented(() => splitBatches(batch))).toBe(true);
        expect(await onlyDocumented(() => findByTimestamp(batch, 1000, share))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('are refused at every length that they are cut off to', () => {
    for (const batch of Object.values(byCodec)) {
      for (let length = 0; length < batch.length; length++) {
        const cut = batch.subarray(0, length);
        expect(() => readRecords(cut)).toThrow(CorruptRecordError);
        expect(validateProduceRecords(readProducedBatch(cut), RULES).kind).toBe('invalid');
      }
    }
  });

  it('never pass the CRC, nor make validation fail otherwise', () => {
    fc.assert(
      fc.property(records, options, flips, (input, how, places) => {
        const batch = encodeBatch(input, { ...how, baseOffset: 0 });
        const broken = Buffer.from(batch);
        for (const [place, bit] of places) {
          const at = BatchField.attributes + (place % (batch.length - BatchField.attributes));
          broken[at]! ^= 1 << bit;
        }
        if (!broken.equals(batch)) {
          expect(validateProduceRecords(readProducedBatch(broken), RULES)).toMatchObject({ reason: 'CORRUPT_MESSAGE' });
        }
      }),
      { numRuns: 200 },
    );
  });

  it('with a CRC that holds never make validation throw', () => {
    fc.assert(
      fc.property(damaged, fc.boolean(), (batch, requireKeys) => {
        batch.writeBigInt64BE(0n, BatchField.baseOffset);
        batch.writeInt32BE(batch.length - 12, BatchField.length);
        batch.writeUInt32BE(computeCrc(batch), BatchField.crc);
        expect(['valid', 'invalid']).toContain(
          validateProduceRecords(readProducedBatch(batch), { ...RULES, requireKeys }).kind,
        );
      }),
      { numRuns: 500 },
    );
  });
});

describe('variable-length numbers', () => {
  it('take as many bytes as announced, and mean the same as in 64-bit arithmetic', () => {
    const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const out = Buffer.alloc(20);
    const oracle = (value: number): string => {
      let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
      const digits: number[] = [];
      for (; rest >= 0x80n; rest >>= 7n) digits.push(Number(rest & 0x7fn) | 0x80);
      return Buffer.from([...digits, Number(rest)]).toString('hex');
    };
    fc.assert(
      fc.property(int32, (value) => {
        const end = writeVarint(out, value, 0);
        expect(out.toString('hex', 0, end)).toBe(oracle(value));
        expect(sizeOfVarint(value)).toBe(end);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(int32, fc.maxSafeInteger()), (value) => {
        const end = writeVarlong(out, value, 0);
        expect(out.toString('hex', 0, end)).toBe(oracle(value));
        expect(sizeOfVarlong(value)).toBe(end);
      }),
    );
  });
});
