import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Codec,
  CompressionError,
  canCompress,
  compress,
  decompress,
} from '../../../../lib/records/compression/codec.ts';
import { gunzipStream } from '../../../../lib/records/compression/gzip.ts';
import { decodeInPieces } from '../../../../lib/records/compression/pieces.ts';
import { encodeSnappyBlock } from '../../../../lib/records/compression/snappy.ts';
import { SnappyPieces } from '../../../../lib/records/compression/snappy-pieces.ts';
import { zstdCanStream, zstdStream } from '../../../../lib/records/compression/zstd.ts';
import { ZstdPieces } from '../../../../lib/records/compression/zstd-pieces.ts';
import { zstdSamples } from './zstd-samples.ts';

type Decode = (data: Buffer) => Promise<Buffer>;

interface Coder {
  readonly name: string;
  readonly whole: (data: Buffer) => Buffer;
  readonly inPieces: Decode;
  /** Undefined where this runtime cannot encode: then only the samples are tried. */
  readonly encode: ((data: Buffer) => Buffer) | undefined;
}

const MAX_BYTES = 4 * 1024 * 1024;

function joined({ next }: { next(): Buffer | undefined }): Buffer {
  const parts: Buffer[] = [];
  for (let piece = next(); piece !== undefined; piece = next()) parts.push(Buffer.from(piece));
  return Buffer.concat(parts);
}

async function streamed(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of pieces) parts.push(piece);
  return Buffer.concat(parts);
}

const coder = (name: keyof typeof Codec, inPieces?: Decode): Coder => {
  const id = Codec[name];
  return {
    name,
    whole: (data) => decompress(id, data, MAX_BYTES),
    inPieces:
      inPieces ??
      (async (data) => {
        const decoding = decodeInPieces(id, data);
        return decoding.kind === 'steps' ? joined(decoding) : streamed(decoding.pieces());
      }),
    encode: canCompress(id) ? (data) => compress(id, data) : undefined,
  };
};

const CODERS: Coder[] = [
  coder('none'),
  coder('gzip'),
  { ...coder('gzip', (data) => streamed(gunzipStream(data))), name: 'gzip as a stream' },
  coder('snappy'),
  {
    ...coder('snappy', async (data) => joined(steps(new SnappyPieces(data, 7)))),
    name: 'raw snappy',
    encode: encodeSnappyBlock,
  },
  coder('lz4'),
  coder('zstd'),
  { ...coder('zstd', async (data) => joined(steps(new ZstdPieces(data)))), name: 'portable zstd' },
  ...(zstdCanStream ? [{ ...coder('zstd', (data) => streamed(zstdStream(data))), name: 'zstd as a stream' }] : []),
];

function steps(pieces: { next(): Buffer | undefined }) {
  return { next: () => pieces.next() };
}

/** Pieces, repeated and in a row: what makes matches near and far, long and short, and literals between. */
const content = fc
  .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 60 })), { maxLength: 30 })
  .map((parts) => Buffer.concat(parts.flatMap(([part, times]) => Array.from({ length: times }, () => part))));

describe.each(CODERS)('$name', ({ name, whole, inPieces, encode }) => {
  const data = fc.oneof(
    ...(encode === undefined ? [] : [content.map(encode)]),
    ...(name.includes('zstd') ? [fc.constantFrom(...zstdSamples)] : []),
  );

  it('gives the same in pieces as in one', async () => {
    await fc.assert(
      fc.asyncProperty(data, async (encoded) => {
        expect((await inPieces(encoded)).equals(whole(encoded))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('gives the same for damaged data too, unless one of the two refuses it with the documented error', async () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 7 })), { minLength: 1, maxLength: 4 });
    const settle = async (decode: () => Buffer | Promise<Buffer>) => {
      try {
        return await decode();
      } catch (error) {
        expect(error).toBeInstanceOf(CompressionError);
        return undefined;
      }
    };
    await fc.assert(
      fc.asyncProperty(data, flips, async (encoded, places) => {
        const damaged = Buffer.from(encoded);
        for (const [place, bit] of places) if (damaged.length > 0) damaged[place % damaged.length]! ^= 1 << bit;
        const one = await settle(() => whole(damaged));
        const pieces = await settle(() => inPieces(damaged));
        if (one !== undefined && pieces !== undefined) expect(pieces.equals(one)).toBe(true);
        // Where blocks stand by themselves, there is nothing that only one of them reads.
        if (name === 'none' || name.includes('snappy')) expect(pieces === undefined).toBe(one === undefined);
      }),
      { numRuns: 300 },
    );
  });
});
