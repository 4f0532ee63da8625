import { readFileSync } from 'node:fs';
import { compressFrameSync, decompressFrameSync } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { CompressionError } from '../../../../lib/records/compression/error.ts';
import { decodeLz4, encodeLz4 } from '../../../../lib/records/compression/lz4-frame.ts';
import { xxhash32 } from '../../../../lib/records/compression/xxhash32.ts';
import { noise, TIDE } from './samples.ts';

const golden = (name: string) => readFileSync(new URL(`./golden/${name}.lz4`, import.meta.url));

const MALFORMED = expect.objectContaining({ name: 'CompressionError', kind: 'malformed' });
const TOO_LARGE = expect.objectContaining({ name: 'CompressionError', kind: 'tooLarge' });

describe('xxhash32', () => {
  it('gives known values', () => {
    expect(xxhash32(Buffer.alloc(0))).toBe(0x02cc5d05);
    expect(xxhash32(Buffer.from('a'))).toBe(0x550d7456);
    expect(xxhash32(Buffer.from('abc'))).toBe(0x32d153ff);
    expect(xxhash32(Buffer.from('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
  });
});

describe('decodeLz4', () => {
  // Written by the lz4 1.9.4 command: -B4 -BD -BX --content-size; -B7 -BD --no-frame-crc; -9 -B5.
  it.each(['dependent-64k-checksums', 'dependent-4m', 'high-256k'])('reads %s', (name) => {
    expect(decodeLz4(golden(name), TIDE.length).equals(TIDE)).toBe(true);
  });

  it('reads frames in a row and skips what may be skipped', () => {
    const skippable = Buffer.from([0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2]);
    const data = Buffer.concat([
      encodeLz4(Buffer.from('ab')),
      skippable,
      golden('high-256k'),
      encodeLz4(Buffer.from('c')),
    ]);
    expect(decodeLz4(data, 10 + TIDE.length).toString()).toBe(`ab${TIDE}c`);
  });

  it('reads frames of another encoder with and without checksums', () => {
    for (const sample of [TIDE, noise(100_000), Buffer.from('x')]) {
      for (const options of [{}, { contentChecksum: true, blockChecksums: true }]) {
        expect(decodeLz4(compressFrameSync(sample, options), sample.length).equals(sample)).toBe(true);
      }
    }
  });

  it('takes a header checksum that covers the magic number too', () => {
    const frame = encodeLz4(Buffer.from('old client'));
    frame[6] = (xxhash32(frame, 0, 6) >>> 8) & 0xff;
    expect(decodeLz4(frame, 100).toString()).toBe('old client');
    frame[6]! ^= 1;
    expect(() => decodeLz4(frame, 100)).toThrow(MALFORMED);
  });

  it('verifies block, content and header checksums and the content size', () => {
    const whole = golden('dependent-64k-checksums');
    for (const position of [4, 5, 6, 14, 40, whole.length - 1, whole.length - 9]) {
      const frame = Buffer.from(whole);
      frame[position]! ^= 1;
      expect(() => decodeLz4(frame, TIDE.length)).toThrow(MALFORMED);
    }
    const size = Buffer.from(whole);
    size.writeUInt32LE(TIDE.length - 1, 6);
    size[14] = (xxhash32(size, 4, 14) >>> 8) & 0xff;
    expect(() => decodeLz4(size, TIDE.length)).toThrow(MALFORMED);
  });

  it('keeps to its bound, whatever the header says', () => {
    for (const name of ['dependent-64k-checksums', 'dependent-4m', 'high-256k']) {
      expect(() => decodeLz4(golden(name), TIDE.length - 1)).toThrow(TOO_LARGE);
      expect(() => decodeLz4(golden(name), 0)).toThrow(TOO_LARGE);
    }
    const stored = encodeLz4(noise(70_000));
    expect(decodeLz4(stored, 70_000)).toHaveLength(70_000);
    expect(() => decodeLz4(stored, 69_999)).toThrow(TOO_LARGE);
  });

  const frameOf = (flags: number, block: number, ...rest: number[]) => {
    const head = Buffer.from([4, 0x22, 0x4d, 0x18, flags, block, 0]);
    head[6] = (xxhash32(head, 4, 6) >>> 8) & 0xff;
    return Buffer.concat([head, Buffer.from(rest)]);
  };
  const END = [0, 0, 0, 0];

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another magic number', Buffer.from('not an LZ4 frame')],
    ['another version', frameOf(0xa0, 0x40, ...END)],
    ['a reserved bit', frameOf(0x62, 0x40, ...END)],
    ['a reserved bit of the block descriptor', frameOf(0x60, 0x41, ...END)],
    ['a dictionary', frameOf(0x61, 0x40, 0, 0, 0, 0, ...END)],
    ['an unknown block size', frameOf(0x60, 0x30, ...END)],
    ['a frame without an end', frameOf(0x60, 0x40)],
    ['a block beyond the data', frameOf(0x60, 0x40, 9, 0, 0, 0, 0x10, 65)],
    ['a block beyond the block size', frameOf(0x60, 0x40, 1, 0, 1, 0x80, ...Buffer.alloc(0x10001), ...END)],
    ['an empty block', frameOf(0x60, 0x40, 1, 0, 0, 0, 0x10, ...END)],
    ['a match before the frame', frameOf(0x60, 0x40, 6, 0, 0, 0, 0x10, 65, 2, 0, 0x10, 66, ...END)],
    ['a match of distance zero', frameOf(0x60, 0x40, 6, 0, 0, 0, 0x10, 65, 0, 0, 0x10, 66, ...END)],
    ['a block that ends with a match', frameOf(0x60, 0x40, 4, 0, 0, 0, 0x10, 65, 1, 0, ...END)],
    ['a skippable frame that is cut off', Buffer.from([0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1])],
  ])('refuses %s', (_, data) => {
    expect(() => decodeLz4(data, 1_000_000)).toThrow(MALFORMED);
  });

  it('refuses a match into the block before where blocks are independent', () => {
    // Two blocks: 'A' as a literal, then a match one byte back at the very start of the second.
    const blocks = [3, 0, 0, 0, 0x20, 65, 65, 5, 0, 0, 0, 0x00, 1, 0, 0x10, 66, ...END];
    expect(() => decodeLz4(frameOf(0x60, 0x40, ...blocks), 100)).toThrow(MALFORMED);
    expect(decodeLz4(frameOf(0x40, 0x40, ...blocks), 100).toString()).toBe('AAAAAAB');
  });

  it('refuses a block that gives more than the block size', () => {
    // A match of 19 + 300 * 255 bytes in a frame of 64 KiB blocks.
    const block = [0x1f, 65, 1, 0, ...Array(300).fill(255), 0, 0x10, 66];
    expect(() =>
      decodeLz4(frameOf(0x60, 0x40, block.length & 0xff, block.length >> 8, 0, 0, ...block, ...END), 1e6),
    ).toThrow(MALFORMED);
  });
});

describe('encodeLz4', () => {
  it('writes frames that another decoder reads', () => {
    const samples = [
      Buffer.from('a'),
      Buffer.alloc(13, 'a'),
      TIDE,
      noise(65_535),
      noise(65_536),
      noise(65_537),
      Buffer.alloc(300_000),
    ];
    for (const sample of samples) {
      expect(Buffer.from(decompressFrameSync(encodeLz4(sample))).equals(sample)).toBe(true);
      expect(decodeLz4(encodeLz4(sample), sample.length).equals(sample)).toBe(true);
    }
    expect(decodeLz4(encodeLz4(Buffer.alloc(0)), 0)).toHaveLength(0);
  });

  it('compresses what can be, and grows the rest by next to nothing', () => {
    expect(encodeLz4(TIDE).length).toBeLessThan(TIDE.length / 50);
    expect(encodeLz4(noise(200_000)).length).toBeLessThanOrEqual(200_000 + 7 + 4 * 5);
  });
});

it('throws CompressionError and nothing else', () => {
  expect(() => decodeLz4(Buffer.from([4, 0x22, 0x4d]), 10)).toThrow(CompressionError);
});
