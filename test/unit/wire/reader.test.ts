import { describe, expect, it } from 'vitest';
import { DecodeError } from '../../../lib/wire/errors.ts';
import { Reader } from '../../../lib/wire/reader.ts';

const from = (hex: string): Reader => new Reader(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('Reader', () => {
  it('saturates int64 and varlong beyond what a number carries exactly', () => {
    expect(from('001fffffffffffff').int64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(from('0020000000000000').int64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(from('7fffffffffffffff').int64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(from('8000000000000000').int64()).toBe(-Number.MAX_SAFE_INTEGER);
    expect(from('ffe0000000000001').int64()).toBe(-Number.MAX_SAFE_INTEGER);
    expect(from('feffffffffffffffff01').varlong()).toBe(Number.MAX_SAFE_INTEGER);
    expect(from('ffffffffffffffffff01').varlong()).toBe(-Number.MAX_SAFE_INTEGER);
  });

  it('reads varints as Kafka writes them', () => {
    expect(from('00').varint()).toBe(0);
    expect(from('01').varint()).toBe(-1);
    expect(from('ac02').varint()).toBe(150);
    expect(from('ffffffff0f').varint()).toBe(-(2 ** 31));
    expect(from('ffffffff0f').uvarint()).toBe(2 ** 32 - 1);
    expect(from('8000').uvarint()).toBe(0);
  });

  it.each([
    ['a varint that goes on', 'ffffffffff01'],
    ['a varint above 32 bits', 'ffffffff10'],
    ['a varint that is cut off', 'ffff'],
  ])('refuses %s', (_, hex) => {
    expect(() => from(hex).uvarint()).toThrow(DecodeError);
  });

  it.each([
    ['that goes on', 'ffffffffffffffffffff01'],
    ['above 64 bits', 'ffffffffffffffffff02'],
    ['that is cut off', 'ffffff'],
  ])('refuses a varlong %s', (_, hex) => {
    expect(() => from(hex).varlong()).toThrow(DecodeError);
  });

  it('takes any negative length for null, as Kafka does', () => {
    for (const [int16, int32, uvarint] of [
      ['ffff', 'ffffffff', '00'],
      ['fffe', 'fffffffe', 'ffffffff0f'],
      ['8000', '80000000', '8180808008'],
    ] as const) {
      expect(from(int16).nullableString()).toBeNull();
      expect(from(int32).nullableBytes()).toBeNull();
      expect(from(int32).arrayLength(1)).toBeNull();
      expect(from(uvarint).compactNullableString()).toBeNull();
      expect(from(uvarint).compactNullableBytes()).toBeNull();
      expect(from(uvarint).compactArrayLength(1)).toBeNull();
    }
    // The largest positive length, one below the smallest negative one.
    expect(() => from('8080808008').compactNullableBytes()).toThrow('bytes of 2147483647 bytes, not 0');
  });

  it('refuses null where there is none', () => {
    expect(() => from('ffff').string()).toThrow('a string, not null');
    expect(() => from('00').compactString()).toThrow(DecodeError);
    expect(() => from('ffffffff').bytes()).toThrow(DecodeError);
    expect(() => from('00').compactBytes()).toThrow(DecodeError);
    for (const negative of ['fffe', '8000']) expect(() => from(negative).string()).toThrow('a string, not null');
    expect(() => from('fffffff7').bytes()).toThrow('bytes, not null');
  });

  // The right-hand sides are what Java 17 makes of the bytes: new String(bytes, StandardCharsets.UTF_8).
  it.each([
    ['636166e9', 'caf\ufffd'],
    ['efbfbd', '\ufffd'],
    ['f09f8c8a', '\u{1f30a}'],
    ['ff', '\ufffd'],
    ['fffe', '\ufffd\ufffd'],
    ['c080', '\ufffd\ufffd'],
    ['c0af', '\ufffd\ufffd'],
    ['e282', '\ufffd'],
    ['e28261', '\ufffda'],
    ['f09f98', '\ufffd'],
    ['f0808080', '\ufffd\ufffd\ufffd\ufffd'],
    ['f4908080', '\ufffd\ufffd\ufffd\ufffd'],
    ['eda080', '\ufffd'],
    ['eda0', '\ufffd'],
    ['eda041', '\ufffdA'],
    ['eda080edb080', '\ufffd\ufffd'],
    ['efbfbdff', '\ufffd\ufffd'],
    ['efbfbdedbf', '\ufffd\ufffd'],
  ])('decodes %s as Java does', (hex, text) => {
    const length = (hex.length / 2).toString(16).padStart(4, '0');
    expect(from(length + hex).string()).toBe(text);
    expect(from(length + hex).nullableString()).toBe(text);
    const compact = (hex.length / 2 + 1).toString(16).padStart(2, '0');
    expect(from(compact + hex).compactString()).toBe(text);
  });

  it('refuses text that no answer could carry back once its invalid bytes are replaced', () => {
    const latin1 = (bytes: number) => {
      const frame = Buffer.alloc(2 + bytes, 0xe9);
      frame.writeInt16BE(bytes, 0);
      return new Reader(frame);
    };
    // A replacement takes three bytes.
    expect(latin1(10_922).string()).toBe('\ufffd'.repeat(10_922));
    expect(() => latin1(10_923).string()).toThrow('at most 32767 bytes, not 32769 with invalid ones replaced');
  });

  it('refuses strings longer than Kafka allows, also in the compact form', () => {
    const bytes = Buffer.concat([Buffer.from([0x81, 0x80, 0x02]), Buffer.alloc(0x8000, 'a')]);
    expect(() => new Reader(bytes).compactString()).toThrow('at most 32767 bytes');
  });

  it('checks array lengths against the bytes left before anything is allocated', () => {
    expect(() => from('7fffffff 00').arrayLength(1)).toThrow('fits into 1 bytes, not 2147483647 elements');
    expect(() => from('8080808008 00').compactArrayLength(1)).toThrow(DecodeError);
    expect(() => from('00000002 00000001 000000').arrayLength(4)).toThrow(DecodeError);
    expect(from('00000002 00000001 00000002').arrayLength(4)).toBe(2);
  });

  it('gives byte fields as views into the frame', () => {
    const frame = Buffer.from('0000000201020304', 'hex');
    const bytes = new Reader(frame).bytes();
    frame[4] = 9;
    expect([...bytes]).toEqual([9, 2]);
  });

  it('says where it stopped and what was missing', () => {
    const reader = from('0001 0002 61');
    reader.int16();
    const failure = (() => {
      try {
        return reader.string();
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(DecodeError);
    expect(failure).toMatchObject({ offset: 4, expected: 'a string of 2 bytes, not 1' });
  });

  it('refuses bytes after the end', () => {
    expect(() => from('00').end()).toThrow('the end, not 1 more bytes');
    expect(() => from('').end()).not.toThrow();
  });

  it('reads a window alone, with offsets of the whole buffer', () => {
    const reader = from('01 0203 04');
    reader.int8();
    const window = reader.window(2);
    expect(window.int8()).toBe(2);
    expect(window.offset).toBe(2);
    expect(() => window.int16()).toThrow(DecodeError);
    expect(reader.int8()).toBe(4);
  });
});
