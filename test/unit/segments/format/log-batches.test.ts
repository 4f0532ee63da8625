import { describe, expect, it } from 'vitest';
import { BATCH_OVERHEAD_BYTES, BatchField } from '../../../../lib/records/batch.ts';
import { encodeBatch } from '../../../../lib/records/encode.ts';
import { splitLog } from '../../../../lib/segments/format/log-batches.ts';

const batches = [4, 6, 9].map((baseOffset) => encodeBatch([{ timestamp: 1 }, { timestamp: 2 }], { baseOffset }));
const log = Buffer.concat(batches);
const key = 'segment/x';

describe('bytes of a log', () => {
  it('are split into their batches without a copy', () => {
    const { batches: found, end, cutOffBytes } = splitLog(log, { key });
    expect(found.map(({ bytes }) => bytes)).toEqual(batches);
    expect(found.every(({ bytes }) => bytes.buffer === log.buffer)).toBe(true);
    expect({ end, cutOffBytes }).toEqual({ end: log.length, cutOffBytes: undefined });
  });

  it('may end anywhere', () => {
    for (let length = 0; length < log.length; length++) {
      const { batches: found, end, cutOffBytes } = splitLog(log.subarray(0, length), { key });
      const whole = Math.floor(length / batches[0]!.length);
      expect(found).toHaveLength(whole);
      expect(end).toBe(whole * batches[0]!.length);
      expect(cutOffBytes).toBe(length - end < BATCH_OVERHEAD_BYTES ? undefined : batches[0]!.length);
    }
  });

  it('are refused with the key and the position of the first batch that is none', () => {
    const damaged = (change: (second: Buffer) => void) => {
      const copy = Buffer.from(log);
      change(copy.subarray(batches[0]!.length));
      return () => splitLog(copy, { key, position: 1000, from: 4, to: 11 });
    };
    const where = `object ${key}, byte ${1000 + batches[0]!.length}: `;
    expect(damaged(() => {})).not.toThrow();
    expect(damaged((at) => at.writeInt8(1, BatchField.magic))).toThrow(`${where}batch has magic 1`);
    expect(damaged((at) => at.writeInt32BE(3, BatchField.length))).toThrow(`${where}batch claims 15 bytes`);
    expect(damaged((at) => at.writeInt32BE(-2, BatchField.lastOffsetDelta))).toThrow(
      `${where}a batch has a last offset`,
    );
    expect(damaged((at) => at.writeBigInt64BE(5n))).toThrow(`${where}a batch begins at offset 5, expected 6 or more`);
    expect(damaged((at) => at.writeBigInt64BE(10n))).toThrow(
      `${where}a batch ends at offset 11, expected less than 11`,
    );
    expect(() => splitLog(Buffer.alloc(100, 7), { key })).toThrow(`object ${key}, byte 0: batch has magic 7`);
  });

  it('are refused where the first batch lies below the range', () => {
    expect(() => splitLog(log, { key, from: 5 })).toThrow('a batch begins at offset 4, expected 5 or more');
  });
});
