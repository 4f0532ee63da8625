import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, ByteWriter } from '../../../lib/core/bytes.ts';

const value = fc.oneof(
  fc.record({ kind: fc.constant('u8' as const), of: fc.nat(255) }),
  fc.record({ kind: fc.constant('uint' as const), of: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('int' as const), of: fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }) }),
  fc.record({ kind: fc.constant('string' as const), of: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('bytes' as const), of: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
);

describe('what was written', () => {
  it('is read back in order, whatever the first capacity, and nothing is left', () => {
    fc.assert(
      fc.property(fc.array(value), fc.nat(64), (values, capacity) => {
        const writer = new ByteWriter(capacity);
        for (const one of values) {
          if (one.kind === 'string') writer.string(one.of);
          else if (one.kind === 'bytes') writer.bytes(one.of);
          else writer[one.kind](one.of);
        }
        const length = writer.length;
        const bytes = writer.finish();
        expect(bytes.length).toBe(length);
        const reader = new ByteReader(bytes);
        expect(values.map((one) => reader[one.kind]())).toEqual(values.map((one) => one.of));
        expect(reader.remaining).toBe(0);
      }),
    );
  });
});
