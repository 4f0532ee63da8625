import { tooLarge } from './error.ts';
import { decodeGzip, encodeGzip } from './gzip.ts';
import { decodeLz4, encodeLz4 } from './lz4-frame.ts';
import { decodeSnappy, encodeSnappy } from './xerial.ts';
import { decodeZstd, encodeZstd, zstdCanEncode } from './zstd.ts';

export { CompressionError, type CompressionErrorKind } from './error.ts';

/**
 * The compression codes of a record batch's attributes
 * (org.apache.kafka.common.record.CompressionType).
 */
export const Codec = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;

/** Names as producers and topics configure them (`compression.type`). */
export type CodecName = keyof typeof Codec;
export type CodecId = (typeof Codec)[CodecName];

interface Coder {
  readonly name: CodecName;
  readonly canEncode: boolean;
  decode(data: Buffer, maxBytes: number): Buffer;
  encode(data: Buffer): Buffer;
}

const CODERS: Readonly<Record<CodecId, Coder>> = {
  0: { name: 'none', canEncode: true, decode: asItIs, encode: (data) => data },
  1: { name: 'gzip', canEncode: true, decode: decodeGzip, encode: encodeGzip },
  2: { name: 'snappy', canEncode: true, decode: decodeSnappy, encode: encodeSnappy },
  3: { name: 'lz4', canEncode: true, decode: decodeLz4, encode: encodeLz4 },
  4: { name: 'zstd', canEncode: zstdCanEncode, decode: decodeZstd, encode: encodeZstd },
};

function asItIs(data: Buffer, maxBytes: number): Buffer {
  if (data.length > maxBytes) throw tooLarge('uncompressed', maxBytes);
  return data;
}

/** True for the code of a codec; 5 to 7 fit the attributes but are not assigned. */
export function isCodecId(id: number): id is CodecId {
  return Object.hasOwn(CODERS, id);
}

/** The codec's name; undefined for a code that is not assigned. */
export function codecName(id: number): CodecName | undefined {
  return isCodecId(id) ? CODERS[id].name : undefined;
}

/**
 * The code for a name; undefined for a name that is no codec (such as a topic's `producer` or
 * `uncompressed`).
 */
export function codecByName(name: string): CodecId | undefined {
  return Object.hasOwn(Codec, name) ? Codec[name as CodecName] : undefined;
}

/** Whether `compress` supports the codec in this runtime: all but zstd before Node 22.15. */
export function canCompress(codec: CodecId): boolean {
  return CODERS[codec].canEncode;
}

/**
 * `data` encoded; with `none` the same buffer. Throws CompressionError ('unavailable') where
 * canCompress is false.
 */
export function compress(codec: CodecId, data: Buffer): Buffer {
  return CODERS[codec].encode(data);
}

/**
 * `data` decoded, at most `maxBytes`; with `none` the same buffer. Throws CompressionError:
 * `tooLarge` when there is more, `malformed` for everything else that is wrong with it. Memory is
 * proportional to `maxBytes`.
 */
export function decompress(codec: CodecId, data: Buffer, maxBytes: number): Buffer {
  return CODERS[codec].decode(data, maxBytes);
}
