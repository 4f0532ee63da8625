import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { CompressionError, malformed, tooLarge } from './error.ts';
import { isZlibOverflow, type NotAtOnce } from './gzip.ts';
import { Output } from './output.ts';
import { ZstdBlockDecoder } from './zstd-block.ts';
import { type ZstdFrame, zstdFrames } from './zstd-frame.ts';

/** The part of node:zlib that exists from 22.15 on; the types of older versions lack it. */
interface NativeZstd {
  zstdCompressSync?(data: Buffer): Buffer;
  zstdCompress?(data: Buffer, callback: (error: Error | null, out: Buffer) => void): void;
  createZstdDecompress?(options: { chunkSize: number }): Transform;
  zstdDecompressSync?(data: Buffer, options: { maxOutputLength: number }): Buffer;
}

const native = zlib as unknown as NativeZstd;

/** True where this runtime can encode zstd. */
export const zstdCanEncode = native.zstdCompressSync !== undefined;

/**
 * Encodes with zstd's default level (3), which is Kafka's too. Throws CompressionError
 * ('unavailable').
 */
export function encodeZstd(data: Buffer): Buffer {
  if (!native.zstdCompressSync) throw new CompressionError('unavailable', 'zstd encoding needs Node 22.15 or later');
  return native.zstdCompressSync(data);
}

/** As encodeZstd, in a thread of the runtime. */
export function encodeZstdAside(data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (!native.zstdCompress) throw new CompressionError('unavailable', 'zstd encoding needs Node 22.15 or later');
    native.zstdCompress(data, (error, out) => (error === null ? resolve(out) : reject(error)));
  });
}

/** Decodes zstd, with the runtime's decoder if it has one. Throws CompressionError. */
export function decodeZstd(data: Buffer, maxBytes: number): Buffer {
  return decodeFrames(data, maxBytes, native.zstdDecompressSync ? decodeNatively : decodeFrame);
}

/** Chunk size of a stream. */
const STREAM_CHUNK_BYTES = 64 * 1024;

/** True where this runtime decodes zstd in a thread of its own. */
export const zstdCanStream = native.createZstdDecompress !== undefined;

/**
 * Decodes zstd of any size in a thread of the runtime, where zstdCanStream. Throws CompressionError
 * ('malformed').
 */
export async function* zstdStream(data: Buffer): AsyncGenerator<Buffer, void> {
  for (const frame of zstdFrames(data)) {
    const stream = native.createZstdDecompress!({ chunkSize: STREAM_CHUNK_BYTES });
    stream.end(frame.bytes);
    let given = 0;
    try {
      for await (const piece of stream) {
        given += (piece as Buffer).length;
        yield piece as Buffer;
      }
    } catch (error) {
      throw malformed('zstd data is malformed', error);
    } finally {
      stream.destroy();
    }
    if (frame.contentSize !== undefined && frame.contentSize !== given) {
      throw malformed('zstd frame does not give as many bytes as its header says');
    }
  }
}

/**
 * Decodes without the runtime's decoder. Content checksums are not verified: the record batch's CRC
 * covers the data.
 */
export function decodeZstdPortably(data: Buffer, maxBytes: number): Buffer {
  return decodeFrames(data, maxBytes, decodeFrame);
}

/**
 * Decodes with the runtime's decoder to at most `maxBytes`; 'untried' if the runtime has none.
 * Throws CompressionError ('malformed').
 */
export function decodeSmallZstd(data: Buffer, maxBytes: number): Buffer | NotAtOnce {
  if (native.zstdDecompressSync === undefined || data.length > maxBytes) return 'untried';
  const claimed = zstdFrames(data).reduce((sum, { contentSize = 0 }) => sum + contentSize, 0);
  if (claimed > maxBytes) return 'untried';
  try {
    return decodeFrames(data, maxBytes, decodeNatively);
  } catch (error) {
    if (error instanceof CompressionError && error.kind === 'tooLarge') return 'tried';
    throw error;
  }
}

type FrameDecoder = (frame: ZstdFrame, maxBytes: number) => Buffer;

function decodeFrames(data: Buffer, maxBytes: number, decode: FrameDecoder): Buffer {
  const outputs: Buffer[] = [];
  let total = 0;
  // Frame by frame, since the runtime's decoder silently stops after the first one.
  for (const frame of zstdFrames(data)) {
    if ((frame.contentSize ?? 0) > maxBytes - total) throw tooLarge('zstd', maxBytes);
    const out = decode(frame, maxBytes - total);
    if (frame.contentSize !== undefined && frame.contentSize !== out.length) {
      throw malformed('zstd frame does not give as many bytes as its header says');
    }
    total += out.length;
    outputs.push(out);
  }
  return outputs.length === 1 ? outputs[0]! : Buffer.concat(outputs, total);
}

function decodeNatively(frame: ZstdFrame, maxBytes: number): Buffer {
  let out: Buffer;
  try {
    // zlib accepts no bound below one byte.
    out = native.zstdDecompressSync!(frame.bytes, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    throw isZlibOverflow(error) ? tooLarge('zstd', maxBytes) : malformed('zstd data is malformed', error);
  }
  if (out.length > maxBytes) throw tooLarge('zstd', maxBytes);
  return out;
}

function decodeFrame(frame: ZstdFrame, maxBytes: number): Buffer {
  const { bytes, blocks } = frame;
  const output = new Output(Math.min(frame.contentSize ?? Number.POSITIVE_INFINITY, bytes.length * 8), maxBytes);
  const decoder = new ZstdBlockDecoder(output);
  for (const { type, size, start } of blocks) decoder.decode(bytes, type, size, start);
  return output.done();
}
