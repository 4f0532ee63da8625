import { malformed } from './error.ts';
import { decodeLz4Block, NO_ROOM } from './lz4-block.ts';
import { type Frame, hasProperChecksum, LZ4_MAX_GROWTH, LZ4_UNCOMPRESSED, readHeader, uint32 } from './lz4-frame.ts';
import type { Pieces } from './piece-source.ts';
import { Scratch } from './scratch.ts';
import { xxhash32 } from './xxhash32.ts';

/**
 * The blocks of the first frame, as Kafka's Lz4BlockInputStream reads them: a content checksum is
 * not verified.
 */
export class Lz4Pieces implements Pieces {
  readonly #data: Buffer;
  readonly #frame: Frame;
  readonly #scratch = new Scratch();
  #at: number;
  #ended = false;

  constructor(data: Buffer) {
    if (data.length === 0) throw malformed('LZ4 data is empty');
    this.#data = data;
    this.#frame = readHeader(data, 0);
    if (!this.#frame.independent) throw malformed("LZ4 blocks refer to each other, which Kafka's clients do not read");
    if (!hasProperChecksum(data, this.#frame)) throw malformed('LZ4 frame header does not match its checksum');
    this.#at = this.#frame.position;
  }

  next(): Buffer | undefined {
    if (this.#ended) return undefined;
    const data = this.#data;
    const { blockBytes, blockChecksums, contentChecksum } = this.#frame;
    const word = uint32(data, this.#at);
    const start = this.#at + 4;
    const size = word % LZ4_UNCOMPRESSED;
    if (size === 0) {
      if (contentChecksum) uint32(data, start);
      this.#ended = true;
      return undefined;
    }
    const end = start + size;
    if (size > blockBytes || end > data.length) throw malformed('LZ4 block is cut off or too large');
    const piece = word >= LZ4_UNCOMPRESSED ? data.subarray(start, end) : this.#decode(start, end);
    this.#at = end;
    if (blockChecksums) {
      if (uint32(data, end) !== xxhash32(data, start, end)) throw malformed('LZ4 block does not match its checksum');
      this.#at += 4;
    }
    return piece;
  }

  #decode(start: number, end: number): Buffer {
    const bound = Math.min(this.#frame.blockBytes, (end - start) * LZ4_MAX_GROWTH);
    const out = this.#scratch.room(bound);
    const to = decodeLz4Block(this.#data, start, end, out, 0, bound, 0);
    if (to === NO_ROOM) throw malformed('LZ4 block gives more than its frame allows');
    return out.subarray(0, to);
  }
}
