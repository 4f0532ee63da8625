import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeZstd, decodeZstdPortably, encodeZstd, zstdCanEncode } from '../../../../lib/records/compression/zstd.ts';
import { fseTable } from '../../../../lib/records/compression/zstd-fse.ts';
import { ZstdPieces } from '../../../../lib/records/compression/zstd-pieces.ts';
import { lines, noise, TIDE } from './samples.ts';

// Written by the zstd 1.5.4 command: a file; a pipe with --no-check -19 --long=27; two frames with a skippable between.
const NAMES = ['content-size', 'window-128m', 'two-frames-and-skippable'];
const golden = (name: string) => readFileSync(new URL(`./golden/${name}.zst`, import.meta.url));

const MALFORMED = expect.objectContaining({ name: 'CompressionError', kind: 'malformed' });
const TOO_LARGE = expect.objectContaining({ name: 'CompressionError', kind: 'tooLarge' });

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

/** A frame of one compressed block. */
function blockOf(...content: number[]): Buffer {
  return Buffer.from([...MAGIC, 0x00, 0x00, ((content.length << 3) | 5) & 0xff, content.length >> 5, 0, ...content]);
}

/** One literal 'A', then one sequence: that literal and a match of three bytes, with an offset code of two bits. */
function sequenceOf(...bits: number[]): Buffer {
  return blockOf(0x08, 65, 1, 0x54, 1, 2, 0, ...bits);
}

/** Two symbols of one bit each from a stream of one byte, three of them. */
function literalsOf(weight: number, stream: number): Buffer {
  return blockOf(0x32, 0xc0, 0x00, 0x80, weight << 4, stream, 0);
}

/** The same as sequenceOf(0b100), but with a described table for literal lengths: two symbols of equal shares. */
function tableOf(accuracy: number): Buffer {
  const half = 1 << (accuracy - 1);
  const state = fseTable([half, half], accuracy).symbols.indexOf(1);
  let description = accuracy - 5;
  description += (half + 1) * 16;
  description += (2 * half - 1) * 2 ** (4 + accuracy);
  const bits = (1 << (accuracy + 2)) | (state << 2);
  const table = [description & 0xff, (description >>> 8) & 0xff, (description >>> 16) & 0xff];
  return blockOf(0x08, 65, 1, 0x94, ...table, 2, 0, bits & 0xff, bits >> 8);
}

describe.each([
  ['this runtime', decodeZstd],
  ['the portable decoder', decodeZstdPortably],
])('zstd by %s', (_, decode) => {
  it.each(NAMES)('reads %s', (name) => {
    expect(decode(golden(name), TIDE.length).equals(TIDE)).toBe(true);
  });

  it.each([1, 19])('reads lines of level %i', (level) => {
    const sample = lines(40_000);
    expect(decode(golden(`lines-${level}`), sample.length).equals(sample)).toBe(true);
    expect(() => decode(golden(`lines-${level}`), sample.length - 1)).toThrow(TOO_LARGE);
  });

  it.each(NAMES)('keeps to the bound in %s', (name) => {
    expect(() => decode(golden(name), TIDE.length - 1)).toThrow(TOO_LARGE);
    expect(() => decode(golden(name), 0)).toThrow(TOO_LARGE);
  });

  it('reads stored and repeated blocks', () => {
    const frame = Buffer.from([...MAGIC, 0x00, 0x00, (2 << 3) | 0, 0, 0, 65, 66, (4 << 3) | 2 | 1, 0, 0, 67]);
    expect(decode(frame, 6).toString()).toBe('ABCCCC');
  });

  it('refuses a repeated block that gives too much', () => {
    const frame = Buffer.from([...MAGIC, 0x00, 0x38, 0x02 | 1, 0, 0x10, 65]);
    expect(decode(frame, 131_072)).toHaveLength(131_072);
    expect(() => decode(frame, 131_071)).toThrow(TOO_LARGE);
  });

  it.each([
    ['nothing', []],
    ['another magic number', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['a magic number alone', MAGIC],
    ['a reserved bit', [...MAGIC, 0x08, 0, 1, 0, 0]],
    ['a dictionary', [...MAGIC, 0x01, 0, 7, 1, 0, 0]],
    ['an unknown block type', [...MAGIC, 0x00, 0, 7, 0, 0]],
    ['no last block', [...MAGIC, 0x00, 0, 8, 0, 0, 65]],
    ['a block that is cut off', [...MAGIC, 0x00, 0, 17, 0, 0, 65]],
    ['a block of more than 128 KiB', [...MAGIC, 0x00, 0x50, 0x03, 0, 0x20, 65]],
    ['a checksum that is cut off', [...MAGIC, 0x04, 0, 9, 0, 0, 65, 1, 2]],
    ['another size than it says', [...MAGIC, 0x20, 2, 9, 0, 0, 65]],
    ['a compressed block of nonsense', [...MAGIC, 0x00, 0, 5 | (6 << 3), 0, 0, 255, 255, 255, 255, 255, 255]],
    ['a skippable frame that is cut off', [0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decode(Buffer.from(bytes), 1_000_000)).toThrow(MALFORMED);
  });

  it('reads a match, and refuses one that reaches too far or leaves bits over', () => {
    expect(decode(sequenceOf(0b100), 4).toString()).toBe('AAAA');
    expect(() => decode(sequenceOf(0b101), 4)).toThrow(MALFORMED);
    expect(() => decode(sequenceOf(0b1000), 4)).toThrow(MALFORMED);
    expect(() => decode(sequenceOf(0b10), 4)).toThrow(MALFORMED);
    expect(() => decode(sequenceOf(0), 4)).toThrow(MALFORMED);
    expect(() => decode(sequenceOf(), 4)).toThrow(MALFORMED);
    expect(() => decode(sequenceOf(0b100), 3)).toThrow(TOO_LARGE);
  });

  it('reads Huffman codes, and refuses too many or too few of them', () => {
    expect([...decode(literalsOf(1, 0b1101), 3)]).toEqual([1, 0, 1]);
    expect(() => decode(literalsOf(1, 0b11010), 3)).toThrow(MALFORMED);
    expect(() => decode(literalsOf(1, 0b110), 3)).toThrow(MALFORMED);
    expect(() => decode(literalsOf(2, 0b1101), 3)).toThrow(MALFORMED);
    expect(() => decode(literalsOf(0, 0b1101), 3)).toThrow(MALFORMED);
  });

  it('refuses tables that are more accurate than allowed', () => {
    expect(decode(tableOf(9), 4).toString()).toBe('AAAA');
    expect(() => decode(tableOf(10), 4)).toThrow(MALFORMED);
  });

  it('refuses a table of an earlier block where there is none', () => {
    expect(() => decode(blockOf(0x08, 65, 1, 0xd4, 2, 0, 0b100), 4)).toThrow(MALFORMED);
    expect(() => decode(blockOf(0x33, 0x40, 0x00, 0b1101, 0), 3)).toThrow(MALFORMED);
  });

  it('takes many frames, but not any number', () => {
    const frame = Buffer.from([...MAGIC, 0x20, 1, 9, 0, 0, 65]);
    expect(decode(Buffer.concat(Array(1024).fill(frame)), 2000)).toHaveLength(1024);
    expect(() => decode(Buffer.concat(Array(1025).fill(frame)), 2000)).toThrow(MALFORMED);
  });

  it('refuses a window that no decoder takes unasked', () => {
    expect(() => decode(Buffer.from([...MAGIC, 0x00, 0x90, 9, 0, 0, 65]), 1_000_000)).toThrow(MALFORMED);
  });

  it('allocates little for a header that asks for a large window', () => {
    const frame = Buffer.from([...MAGIC, 0x00, 0x88, 9, 0, 0, 65]);
    const before = process.memoryUsage().arrayBuffers;
    expect(decode(frame, 1_000_000).toString()).toBe('A');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
  });
});

describe('encodeZstd', () => {
  it.runIf(zstdCanEncode)('writes what both decoders read', () => {
    for (const sample of [Buffer.alloc(0), Buffer.from('a'), TIDE, lines(300_000), noise(150_000)]) {
      const encoded = encodeZstd(sample);
      expect(decodeZstd(encoded, sample.length).equals(sample)).toBe(true);
      expect(decodeZstdPortably(encoded, sample.length).equals(sample)).toBe(true);
    }
  });

  it.runIf(!zstdCanEncode)('says that it is not available', () => {
    expect(() => encodeZstd(TIDE)).toThrow(expect.objectContaining({ name: 'CompressionError', kind: 'unavailable' }));
  });
});

describe('zstd in pieces', () => {
  /** 12 blocks of 100 KB, each with 20 bytes changed: matches reach through most of a window of 128 KiB, again and again. */
  function drifting(): Buffer {
    let seed = 1;
    const next = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed >>> 16;
    };
    const words = Array.from({ length: 64 }, (_, i) => `word${((i * 7_919) % 1_000).toString(36)}`);
    let text = '';
    while (text.length < 100_000) text += `${words[next() % 64]} `;
    const block = Buffer.from(text.slice(0, 100_000));
    const blocks = Array.from({ length: 12 }, () => {
      const copy = Buffer.from(block);
      for (let i = 0; i < 20; i++) copy[next() % copy.length] = next() & 255;
      return copy;
    });
    return Buffer.concat(blocks);
  }

  function joined(pieces: ZstdPieces): Buffer {
    const parts: Buffer[] = [];
    for (let piece = pieces.next(); piece !== undefined; piece = pieces.next()) parts.push(Buffer.from(piece));
    return Buffer.concat(parts);
  }

  it('moves the window along', () => {
    // Written by node:zlib of Node 22 (zstd 1.5.7) at level 19 with windowLog 17 and without the content's size.
    const data = golden('window-128k');
    expect(joined(new ZstdPieces(data)).equals(drifting())).toBe(true);
  });

  it.each(NAMES)('reads what other encoders write: %s', (name) => {
    expect(joined(new ZstdPieces(golden(name))).equals(decodeZstdPortably(golden(name), TIDE.length * 4))).toBe(true);
  });

  it('refuses a frame that gives more, or less, than its header says', () => {
    for (const size of [2, 4]) {
      const frame = Buffer.from([...MAGIC, 0x20, size, 0x19, 0, 0, 65, 66, 67]);
      expect(() => joined(new ZstdPieces(frame))).toThrow(MALFORMED);
    }
    expect(joined(new ZstdPieces(Buffer.from([...MAGIC, 0x20, 3, 0x19, 0, 0, 65, 66, 67]))).toString()).toBe('ABC');
  });
});
