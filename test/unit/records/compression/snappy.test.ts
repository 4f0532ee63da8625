import { compressSync, uncompressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { decodeSnappyBlock, encodeSnappyBlock } from '../../../../lib/records/compression/snappy.ts';
import { decodeSnappy, encodeSnappy } from '../../../../lib/records/compression/xerial.ts';
import { lines, noise, TIDE } from './samples.ts';

const MALFORMED = expect.objectContaining({ name: 'CompressionError', kind: 'malformed' });
const TOO_LARGE = expect.objectContaining({ name: 'CompressionError', kind: 'tooLarge' });

const SAMPLES = [
  Buffer.alloc(0),
  Buffer.from('a'),
  Buffer.alloc(15, 'a'),
  Buffer.alloc(300_000),
  TIDE,
  lines(200_000),
  noise(61),
  noise(300),
  noise(65_536),
  noise(150_000),
];

describe('snappy blocks', () => {
  it('of another encoder are read', () => {
    for (const sample of SAMPLES) {
      expect(decodeSnappyBlock(compressSync(sample), sample.length).equals(sample)).toBe(true);
    }
  });

  it('are read by another decoder', () => {
    for (const sample of SAMPLES) {
      expect(Buffer.from(uncompressSync(encodeSnappyBlock(sample))).equals(sample)).toBe(true);
    }
  });

  it('are about as small as the other encoder makes them', () => {
    const sample = lines(200_000);
    expect(encodeSnappyBlock(sample).length).toBeLessThan(compressSync(sample).length * 1.15);
  });

  it('may copy from up to four bytes of distance', () => {
    const block = Buffer.from([10, 0x04, 65, 66, (8 - 1) * 4 + 3, 2, 0, 0, 0]);
    expect(decodeSnappyBlock(block, 10).toString()).toBe('ABABABABAB');
  });

  it.each([
    ['nothing', []],
    ['a length without end', [0x80, 0x80]],
    ['a length of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['a length that cannot be', [0xff, 0xff, 3, 0, 65]],
    ['fewer bytes than announced', [3, 0x04, 65, 66]],
    ['more bytes than announced', [1, 0x04, 65, 66]],
    ['a literal that is cut off', [5, 0x10, 65]],
    ['a literal length that is cut off', [70, 0xf4, 69]],
    ['a copy before the block', [6, 0x00, 65, 0x05, 2]],
    ['a copy of distance zero', [6, 0x00, 65, 0x05, 0]],
    ['a short copy that is cut off', [5, 0x00, 65, 0x01]],
    ['a middle copy that is cut off', [5, 0x00, 65, 0x0e, 1]],
    ['a long copy that is cut off', [5, 0x00, 65, 0x0f, 1, 0, 0]],
    ['a copy beyond the length', [4, 0x00, 65, 0x01, 1]],
  ])('with %s are refused', (_, bytes) => {
    expect(() => decodeSnappyBlock(Buffer.from(bytes), 1_000_000)).toThrow(MALFORMED);
  });

  it('keep to the bound', () => {
    const block = encodeSnappyBlock(TIDE);
    expect(() => decodeSnappyBlock(block, TIDE.length - 1)).toThrow(TOO_LARGE);
  });
});

describe('snappy framing', () => {
  it('goes round, and raw blocks are read too', () => {
    for (const sample of SAMPLES) {
      expect(decodeSnappy(encodeSnappy(sample), sample.length).equals(sample)).toBe(true);
      expect(decodeSnappy(encodeSnappyBlock(sample), sample.length).equals(sample)).toBe(true);
    }
  });

  it('begins with the header of snappy-java and has blocks of 32 KiB', () => {
    const framed = encodeSnappy(noise(70_000));
    expect(framed.subarray(0, 16).toString('hex')).toBe('82534e4150505900' + '00000001' + '00000001');
    const sizes = [];
    for (let at = 16; at < framed.length; at += 4 + framed.readInt32BE(at)) {
      sizes.push(uncompressSync(framed.subarray(at + 4, at + 4 + framed.readInt32BE(at))).length);
    }
    expect(sizes).toEqual([32_768, 32_768, 4_464]);
  });

  it('may begin anew in the middle', () => {
    const twice = Buffer.concat([encodeSnappy(Buffer.from('ab')), encodeSnappy(Buffer.from('cd'))]);
    expect(decodeSnappy(twice, 4).toString()).toBe('abcd');
  });

  it('refuses sizes that cannot be, and keeps to the bound over all blocks', () => {
    const framed = encodeSnappy(TIDE);
    expect(() => decodeSnappy(framed.subarray(0, 18), 100)).toThrow(MALFORMED);
    expect(() => decodeSnappy(framed.subarray(0, -1), TIDE.length)).toThrow(MALFORMED);
    const negative = Buffer.from(framed);
    negative.writeInt32BE(-1, 16);
    expect(() => decodeSnappy(negative, TIDE.length)).toThrow(MALFORMED);
    expect(() => decodeSnappy(framed, TIDE.length - 1)).toThrow(TOO_LARGE);
    expect(() => decodeSnappy(framed, 0)).toThrow(TOO_LARGE);
  });
});
