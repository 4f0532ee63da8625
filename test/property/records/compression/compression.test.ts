import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Codec,
  type CodecId,
  CompressionError,
  canCompress,
  compress,
  decompress,
} from '../../../../lib/records/compression/codec.ts';
import { decodeSnappyBlock, encodeSnappyBlock } from '../../../../lib/records/compression/snappy.ts';
import { decodeZstdPortably } from '../../../../lib/records/compression/zstd.ts';
import { zstdSamples } from './zstd-samples.ts';

interface Coder {
  readonly name: string;
  decode(data: Buffer, maxBytes: number): Buffer;
  /** Undefined where this runtime cannot encode: then only the samples are tried. */
  readonly encode: ((data: Buffer) => Buffer) | undefined;
}

const coder = (name: keyof typeof Codec): Coder => {
  const id: CodecId = Codec[name];
  const encode = canCompress(id) ? (data: Buffer) => compress(id, data) : undefined;
  return { name, decode: (data, maxBytes) => decompress(id, data, maxBytes), encode };
};

const CODERS: Coder[] = [
  coder('gzip'),
  coder('snappy'),
  coder('lz4'),
  coder('zstd'),
  { name: 'raw snappy', decode: decodeSnappyBlock, encode: encodeSnappyBlock },
  { name: 'portable zstd', decode: decodeZstdPortably, encode: coder('zstd').encode },
];

/** Pieces, repeated and in a row: what makes matches near and far, long and short, and literals between. */
const content = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 60 }), fc.boolean()), { maxLength: 30 })
  .map((pieces) => {
    const parts: Buffer[] = [];
    for (const [piece, times, again] of pieces) {
      for (let i = 0; i <= times; i++) parts.push(Buffer.from(piece));
      if (again && parts.length > 3) parts.push(parts[1]!, parts[2]!);
    }
    return Buffer.concat(parts);
  });

const MAX_BYTES = 100_000;

/** What the decoder gives, or 'error' for the one error that it may throw. */
function attempt(one: Coder, data: Buffer): Buffer | 'error' {
  try {
    return one.decode(data, MAX_BYTES);
  } catch (error) {
    if (error instanceof CompressionError) return 'error';
    throw error;
  }
}

/** Compressed data of all kinds: what this runtime encodes, and samples where it does not. */
function compressed(one: Coder): fc.Arbitrary<Buffer> {
  const { encode } = one;
  return encode ? content.map(encode) : fc.constantFrom(...zstdSamples);
}

describe.each(CODERS)('$name', (one) => {
  it.runIf(one.encode !== undefined)('gives back what it was given, with a bound that just fits', () => {
    fc.assert(
      fc.property(content, (data) => {
        const encoded = one.encode!(data);
        expect(one.decode(encoded, data.length).equals(data)).toBe(true);
        if (data.length > 0) expect(() => one.decode(encoded, data.length - 1)).toThrow(CompressionError);
      }),
      { numRuns: 150 },
    );
  });

  it('refuses data that is cut off, or gives what it can, but fails no other way', () => {
    fc.assert(
      fc.property(compressed(one), fc.double({ min: 0, max: 1, noNaN: true }), (data, where) => {
        const cut = data.subarray(0, Math.floor(where * data.length));
        const out = attempt(one, cut);
        expect(out === 'error' || out.length <= MAX_BYTES).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('survives flipped bits', () => {
    const flips = fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat({ max: 7 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(compressed(one), flips, (data, places) => {
        const broken = Buffer.from(data);
        for (const [where, bit] of places) {
          const at = Math.floor(where * broken.length);
          if (at < broken.length) broken[at]! ^= 1 << bit;
        }
        const out = attempt(one, broken);
        expect(out === 'error' || out.length <= MAX_BYTES).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('survives anything', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), compressed(one), fc.nat({ max: 30 }), (noise, data, kept) => {
        const out = attempt(one, Buffer.concat([data.subarray(0, kept), noise]));
        expect(out === 'error' || out.length <= MAX_BYTES).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
