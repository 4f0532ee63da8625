import { gunzipSync, gzipSync } from 'node:zlib';
import { malformed, tooLarge } from './error.ts';

/** Decodes gzip. Throws CompressionError. */
export function decodeGzip(data: Buffer, maxBytes: number): Buffer {
  let out: Buffer;
  try {
    // zlib takes no bound below one byte.
    out = gunzipSync(data, { maxOutputLength: Math.max(1, maxBytes) });
  } catch (error) {
    throw isZlibOverflow(error) ? tooLarge('gzip', maxBytes) : malformed('gzip data is malformed', error);
  }
  if (out.length > maxBytes) throw tooLarge('gzip', maxBytes);
  return out;
}

/** Encodes with zlib's default level, which is Kafka's too. */
export function encodeGzip(data: Buffer): Buffer {
  return gzipSync(data);
}

/** What node:zlib throws when `maxOutputLength` is met. */
export function isZlibOverflow(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
}
