import { describe, expect, it } from 'vitest';
import { EncodeError } from '../../../lib/wire/errors.ts';
import { COPY_BYTES_MAX, FIRST_BLOCK_BYTES } from '../../../lib/wire/limits.ts';
import { Writer } from '../../../lib/wire/writer.ts';

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return writer.toBuffer().toString('hex');
}

describe('Writer', () => {
  it('writes numbers in network order', () => {
    expect(written((w) => w.int16(-2))).toBe('fffe');
    expect(written((w) => w.int64(-1))).toBe('ffffffffffffffff');
    expect(written((w) => w.int64(Number.MAX_SAFE_INTEGER))).toBe('001fffffffffffff');
    expect(written((w) => w.int64(-Number.MAX_SAFE_INTEGER))).toBe('ffe0000000000001');
    expect(written((w) => w.uvarint(300))).toBe('ac02');
    expect(written((w) => w.varint(-(2 ** 31)))).toBe('ffffffff0f');
    expect(written((w) => w.varlong(-1))).toBe('01');
    expect(written((w) => w.varlong(2 ** 33))).toBe('8080808040');
  });

  it.each<[string, (writer: Writer) => void]>([
    ['int8', (w) => w.int8(128)],
    ['int16', (w) => w.int16(-32769)],
    ['uint16', (w) => w.uint16(-1)],
    ['int32', (w) => w.int32(2 ** 31)],
    ['int32', (w) => w.int32(1.5)],
    ['int32', (w) => w.int32(Number.NaN)],
    ['uint32', (w) => w.uint32(2 ** 32)],
    ['int64', (w) => w.int64(2 ** 53)],
    ['uvarint', (w) => w.uvarint(-1)],
    ['varint', (w) => w.varint(2 ** 31)],
    ['varlong', (w) => w.varlong(0.5)],
    ['float64', (w) => w.float64('1' as never)],
  ])('refuses a number that is not in the range of %s', (type, write) => {
    expect(() => written(write)).toThrow(`not in the range of ${type}`);
  });

  it('refuses text that would not come back as it was', () => {
    expect(() => written((w) => w.string('a\ud800'))).toThrow(EncodeError);
    expect(() => written((w) => w.compactString('x'.repeat(0x8000)))).toThrow('at most 32767 fit');
    expect(written((w) => w.string('\u{1f30a}'))).toBe('0004f09f8c8a');
  });

  it('refuses what is no uuid', () => {
    for (const text of ['', 'AAAA', '!!!!!!!!!!!!!!!!!!!!!!', 'AAAAAAAAAAAAAAAAAAAAAAA']) {
      expect(() => written((w) => w.uuid(text))).toThrow('not a uuid');
    }
  });

  it('keeps large byte fields by reference and copies small ones', () => {
    const large = Buffer.alloc(COPY_BYTES_MAX + 1, 1);
    const small = Buffer.alloc(COPY_BYTES_MAX, 2);
    const writer = new Writer();
    writer.bytes(large);
    writer.bytes(small);
    const chunks = writer.finish();
    expect(chunks).toContain(large);
    expect(chunks).not.toContain(small);
    expect(Buffer.concat(chunks)).toEqual(
      Buffer.concat([Buffer.from('00000801', 'hex'), large, Buffer.from('00000800', 'hex'), small]),
    );
  });

  it('takes records in pieces, under the length of all', () => {
    const pieces = [Buffer.from([1]), Buffer.alloc(0), Buffer.alloc(COPY_BYTES_MAX + 1, 7)];
    expect(written((w) => w.records(pieces))).toBe(written((w) => w.records(Buffer.concat(pieces))));
    expect(written((w) => w.records(pieces, true))).toBe(written((w) => w.records(Buffer.concat(pieces), true)));
    expect(written((w) => w.records(null))).toBe('ffffffff');
    expect(written((w) => w.records(null, true))).toBe('00');
    expect(written((w) => w.records([], true))).toBe('01');
  });

  it('grows over many blocks without losing or reordering a byte', () => {
    const writer = new Writer();
    const count = FIRST_BLOCK_BYTES * 40;
    for (let i = 0; i < count; i++) writer.uint32(i);
    expect(writer.length).toBe(count * 4);
    const bytes = writer.toBuffer();
    for (let i = 0; i < count; i++) expect(bytes.readUInt32BE(i * 4)).toBe(i);
  });

  it('gives nothing for nothing', () => {
    expect(new Writer().finish()).toEqual([]);
    expect(new Writer().toBuffer().length).toBe(0);
  });
});
