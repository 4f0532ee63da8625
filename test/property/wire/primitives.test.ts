import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Reader } from '../../../lib/wire/reader.ts';
import { Writer } from '../../../lib/wire/writer.ts';

function roundTrip<T>(write: (writer: Writer) => void, read: (reader: Reader) => T): T {
  const writer = new Writer();
  write(writer);
  const reader = new Reader(writer.toBuffer());
  const value = read(reader);
  reader.end();
  return value;
}

describe('primitives come back as they went in', () => {
  it('int64 and varlong, like BigInt has them', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const writer = new Writer();
        writer.int64(value);
        expect(writer.toBuffer().readBigInt64BE()).toBe(BigInt(value));
        expect(
          roundTrip(
            (w) => w.int64(value),
            (r) => r.int64(),
          ),
        ).toBe(value);
        expect(
          roundTrip(
            (w) => w.varlong(value),
            (r) => r.varlong(),
          ),
        ).toBe(value);
      }),
    );
  });

  it('varint and uvarint', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        expect(
          roundTrip(
            (w) => w.varint(value),
            (r) => r.varint(),
          ),
        ).toBe(value);
        expect(
          roundTrip(
            (w) => w.uvarint(value >>> 0),
            (r) => r.uvarint(),
          ),
        ).toBe(value >>> 0);
      }),
    );
  });

  it('any int64 of the wire, saturated', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64BE(value);
        const limit = BigInt(Number.MAX_SAFE_INTEGER);
        const expected = value > limit ? limit : value < -limit ? -limit : value;
        expect(new Reader(bytes).int64()).toBe(Number(expected));
        // The same value as a zigzag varlong, group by group.
        let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
        const groups: number[] = [];
        for (; zigzag > 0x7fn; zigzag >>= 7n) groups.push(Number(zigzag & 0x7fn) | 0x80);
        groups.push(Number(zigzag));
        expect(new Reader(Buffer.from(groups)).varlong()).toBe(Number(expected));
      }),
    );
  });

  it('strings in both forms, and only well-formed ones', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (value) => {
        expect(
          roundTrip(
            (w) => w.string(value),
            (r) => r.string(),
          ),
        ).toBe(value);
        expect(
          roundTrip(
            (w) => w.compactNullableString(value),
            (r) => r.compactNullableString(),
          ),
        ).toBe(value);
      }),
    );
  });

  it('byte fields of any size, copied or by reference', () => {
    const sizes = fc.array(fc.oneof(fc.nat(64), fc.nat(6000)), { maxLength: 6 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const fields = lengths.map((length, i) => Buffer.alloc(length, i + 1));
        const read = roundTrip(
          (w) => {
            for (const field of fields) w.bytes(field, true);
          },
          (r) => fields.map(() => r.compactBytes()),
        );
        expect(read).toEqual(fields);
      }),
    );
  });
});
