import { createGunzip, gunzipSync, gzip, gzipSync } from 'node:zlib';
import { malformed, tooLarge } from './error.ts';

/** Decodes gzip. Throws CompressionError. */
export function decodeGzip(data: Buffer, maxBytes: number): Buffer {
  let out: Buffer;
  try {
    // zlib accepts no bound below one byte.
    out = gunzipSync(data, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    throw isZlibOverflow(error) ? tooLarge('gzip', maxBytes) : malformed('gzip data is malformed', error);
  }
  if (out.length > maxBytes) throw tooLarge('gzip', maxBytes);
  return out;
}

/** The size of the content, modulo 2^32, ends the data (RFC 1952, 2.3.1). */
const SIZE_BYTES = 4;

/** Deflate decodes two bits to at most 258 bytes. */
const MAX_GROWTH = 1032;

/** A smaller piece would cost zlib more calls than it saves memory. */
const CHUNK_BYTES_MIN = 64;

/** Chunk size of a stream. */
const STREAM_CHUNK_BYTES = 64 * 1024;

/**
 * Too large to decode at once: known from the header, or found out by decoding as much as was
 * allowed.
 */
export type NotAtOnce = 'untried' | 'tried';

/** Decodes gzip to at most `maxBytes`. Throws CompressionError ('malformed'). */
export function gunzipAtOnce(data: Buffer, maxBytes: number): Buffer | NotAtOnce {
  if (data.length < SIZE_BYTES) throw malformed('gzip data is cut off');
  const size = data.readUInt32LE(data.length - SIZE_BYTES);
  if (size > maxBytes && size <= data.length * MAX_GROWTH) return 'untried';
  // One byte more than the content, so that zlib sees the end without another chunk. At least as
  // large as the data: if the announced size is wrong, small chunks would take a hundred times as
  // long.
  const chunkSize = Math.max(CHUNK_BYTES_MIN, Math.min(Math.max(size, data.length), maxBytes) + 1);
  try {
    return gunzipSync(data, { maxOutputLength: maxBytes, chunkSize });
  } catch (error) {
    if (isZlibOverflow(error)) return 'tried';
    throw malformed('gzip data is malformed', error);
  }
}

/** Decodes gzip of any size in a thread of the runtime. Throws CompressionError ('malformed'). */
export async function* gunzipStream(data: Buffer): AsyncGenerator<Buffer, void> {
  const stream = createGunzip({ chunkSize: STREAM_CHUNK_BYTES });
  stream.end(data);
  try {
    for await (const piece of stream) yield piece as Buffer;
  } catch (error) {
    throw malformed('gzip data is malformed', error);
  } finally {
    stream.destroy();
  }
}

/** As encodeGzip, in a thread of the runtime. */
export function encodeGzipAside(data: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(data, (error, out) => (error === null ? resolve(out) : reject(error)));
  });
}

/** Encodes with zlib's default level, which is Kafka's too. */
export function encodeGzip(data: Buffer): Buffer {
  return gzipSync(data);
}

/** What node:zlib throws when `maxOutputLength` is met. */
export function isZlibOverflow(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
