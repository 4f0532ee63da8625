import type { NextWork, Work } from '../kit/turns.ts';
import { BATCH_OVERHEAD_BYTES, type BatchHeader, compressionCodec } from './batch.ts';
import { Codec, type CodecId, CompressionError, isCodecId } from './compression/codec.ts';
import { AT_ONCE_BYTES } from './compression/piece-source.ts';
import { type Decoding, decodeInPieces } from './compression/pieces.ts';
import { CorruptRecordError } from './error.ts';

/** Work of a step beside its bytes, in bytes: pieces may be empty. */
const STEP_COST_BYTES = 256;

/** Takes a piece of the records, which is valid until it returns; false when it needs no more. */
export type TakePiece = (piece: Buffer) => boolean;

/**
 * The decompressed records of one whole batch, piece by piece. Memory and the time between two
 * turns of the event loop are bounded, whatever the batch unpacks to.
 */
export class Unpacking {
  readonly #codec: CodecId;
  readonly #stored: Buffer;
  /** Undefined before the first step: some codecs decode up to a MiB at once. */
  #decoding: Decoding | undefined;

  /** Throws CorruptRecordError. */
  constructor(batch: Buffer, header: BatchHeader) {
    if (header.sizeInBytes > batch.length) throw new CorruptRecordError('batch is cut off');
    const stored = batch.subarray(BATCH_OVERHEAD_BYTES, header.sizeInBytes);
    const code = compressionCodec(header.attributes);
    if (!isCodecId(code)) throw new CorruptRecordError(`batch has the unknown compression code ${code}`);
    // Compaction may leave a batch without records: there is nothing to decode.
    const nothing = stored.length === 0 && header.recordCount === 0;
    this.#codec = nothing ? Codec.none : code;
    this.#stored = stored;
  }

  /**
   * Passes on pieces until `work` is used up; true when there are no more, or no more are needed.
   * Throws CorruptRecordError.
   */
  atOnce(work: Work, take: TakePiece): boolean {
    if (work.left <= 0) return false;
    const decoding = this.#decoding ?? this.#begin(work);
    if (decoding.kind === 'stream') return false;
    while (work.left > 0) {
      const piece = corruptIfMalformed(work, () => decoding.next());
      if (piece === undefined) return true;
      work.left -= piece.length + STEP_COST_BYTES;
      if (!take(piece)) return true;
    }
    return false;
  }

  #begin(work: Work): Decoding {
    const decoding = corruptIfMalformed(work, () => decodeInPieces(this.#codec, this.#stored));
    if (decoding.kind === 'stream') work.left -= decoding.spentBytes;
    this.#decoding = decoding;
    return decoding;
  }

  /** Passes on all remaining pieces; false if `next` gave up. Throws CorruptRecordError. */
  async rest(next: NextWork, take: TakePiece): Promise<boolean> {
    for (;;) {
      const work = await next();
      if (work === undefined) return false;
      if (this.atOnce(work, take)) return true;
      if (this.#decoding?.kind === 'stream') return this.#stream(this.#decoding.pieces(), work, next, take);
    }
  }

  async #stream(pieces: AsyncIterable<Buffer>, first: Work, next: NextWork, take: TakePiece): Promise<boolean> {
    try {
      let work: Work | undefined = first;
      for await (const piece of pieces) {
        if (work === undefined) return false;
        if (!take(piece)) return true;
        work.left -= piece.length + STEP_COST_BYTES;
        if (work.left <= 0) work = await next();
      }
      return work !== undefined;
    } catch (error) {
      throw asCorrupt(error);
    }
  }
}

function corruptIfMalformed<T>(work: Work, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    // The error does not say how much was decoded before it failed.
    work.left -= AT_ONCE_BYTES;
    throw asCorrupt(error);
  }
}

function asCorrupt(error: unknown): unknown {
  return error instanceof CompressionError ? new CorruptRecordError(error.message, { cause: error }) : error;
}
