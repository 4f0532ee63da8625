import { crc32c as oracle } from '@node-rs/crc32';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../lib/records/crc32c.ts';

describe('crc32c', () => {
  it('gives the check values of RFC 3720, B.4', () => {
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });

  it('agrees with another implementation at every alignment and length around its steps', () => {
    const data = Buffer.from(Array.from({ length: 700 }, (_, i) => (i * 7919) >>> 3));
    for (let start = 0; start < 20; start++) {
      for (const length of [...Array(40).keys(), ...Array.from({ length: 60 }, (_, i) => 240 + i), 650]) {
        const part = data.subarray(start, start + length);
        const expected = oracle(part);
        expect(crc32c(data, start, start + length)).toBe(expected);
        expect(crc32c(part)).toBe(expected);
      }
    }
  });

  it('agrees with another implementation on anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => crc32c(bytes) === oracle(Buffer.from(bytes))),
      { numRuns: 200 },
    );
  });

  it('goes on from a seed', () => {
    const data = Buffer.from('abc'.repeat(500));
    for (const cut of [0, 1, 7, 300, 1499, 1500]) {
      expect(crc32c(data, cut, data.length, crc32c(data, 0, cut))).toBe(crc32c(data));
    }
  });
});
