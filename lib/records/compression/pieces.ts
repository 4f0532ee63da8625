import { Codec, type CodecId } from './codec.ts';
import { gunzipAtOnce, gunzipStream, type NotAtOnce } from './gzip.ts';
import { Lz4Pieces } from './lz4-pieces.ts';
import { AT_ONCE_BYTES, type Pieces } from './piece-source.ts';
import { SnappyPieces } from './snappy-pieces.ts';
import { decodeSmallZstd, zstdCanStream, zstdStream } from './zstd.ts';
import { ZstdPieces } from './zstd-pieces.ts';

/** Pieces decoded in this thread, or in another one. */
export type Decoding =
  | ({ readonly kind: 'steps' } & Pieces)
  | {
      readonly kind: 'stream';
      readonly pieces: () => AsyncIterable<Buffer>;
      /** The work of finding out that the data decodes to too much at once, in decoded bytes. */
      readonly spentBytes: number;
    };

/** Bytes decoded in one step if the codec's blocks are larger or there are none. */
const STEP_BYTES = 256 * 1024;

/**
 * Decodes `data` as Kafka's broker does. Differs from `decompress` where Kafka's clients can read
 * less: the blocks of an LZ4 frame must be independent, and data behind its first frame is ignored.
 * Throws CompressionError.
 */
export function decodeInPieces(codec: CodecId, data: Buffer): Decoding {
  switch (codec) {
    case Codec.none:
      return steps(new Slices(data));
    case Codec.gzip: {
      const whole = gunzipAtOnce(data, AT_ONCE_BYTES);
      return typeof whole === 'string' ? stream(whole, () => gunzipStream(data)) : steps(new Slices(whole));
    }
    case Codec.snappy:
      return steps(new SnappyPieces(data, STEP_BYTES));
    case Codec.lz4:
      return steps(new Lz4Pieces(data));
    case Codec.zstd: {
      const whole = decodeSmallZstd(data, AT_ONCE_BYTES);
      if (typeof whole !== 'string') return steps(new Slices(whole));
      return zstdCanStream ? stream(whole, () => zstdStream(data)) : steps(new ZstdPieces(data));
    }
  }
}

function steps(pieces: Pieces): Decoding {
  return { kind: 'steps', next: () => pieces.next() };
}

function stream(found: NotAtOnce, pieces: () => AsyncIterable<Buffer>): Decoding {
  return { kind: 'stream', pieces, spentBytes: found === 'tried' ? AT_ONCE_BYTES : 0 };
}

/** Bytes that are already decoded. */
class Slices implements Pieces {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  next(): Buffer | undefined {
    if (this.#at >= this.#data.length) return undefined;
    const start = this.#at;
    this.#at += STEP_BYTES;
    return start === 0 && this.#data.length <= STEP_BYTES ? this.#data : this.#data.subarray(start, this.#at);
  }
}
