import { malformed } from './error.ts';
import type { Pieces } from './piece-source.ts';
import { Scratch } from './scratch.ts';
import { readSnappyLength, SnappyBlock } from './snappy.ts';
import { isXerialHeader, XERIAL_HEADER_BYTES, XERIAL_SIZE_BYTES } from './xerial.ts';

/**
 * Framed or raw snappy, block by block; blocks that decode to more than `stepBytes`, in steps of
 * that size.
 */
export class SnappyPieces implements Pieces {
  readonly #data: Buffer;
  readonly #stepBytes: number;
  readonly #framed: boolean;
  readonly #scratch = new Scratch();
  #at: number;
  #block: { readonly decoder: SnappyBlock; readonly length: number; given: number } | undefined;

  constructor(data: Buffer, stepBytes: number) {
    this.#data = data;
    this.#stepBytes = stepBytes;
    this.#framed = isXerialHeader(data, 0);
    this.#at = this.#framed ? XERIAL_HEADER_BYTES : 0;
    // Without the framing there is one block; an empty buffer is not a block.
    if (!this.#framed) this.#open(data.length);
  }

  next(): Buffer | undefined {
    if (this.#block === undefined && !this.#openNext()) return undefined;
    const block = this.#block!;
    const { decoder, length, given } = block;
    // Elements that decode to nothing may follow the last byte: the last step reads all of them.
    const until = length - given <= this.#stepBytes ? length : given + this.#stepBytes;
    const to = decoder.advance(until);
    block.given = to;
    if (until === length) this.#block = undefined;
    return decoder.out.subarray(given, to);
  }

  #openNext(): boolean {
    const data = this.#data;
    while (this.#framed && isXerialHeader(data, this.#at)) this.#at += XERIAL_HEADER_BYTES;
    if (this.#at === data.length) return false;
    if (this.#at + XERIAL_SIZE_BYTES > data.length) throw malformed('snappy block size is cut off');
    const size = data.readInt32BE(this.#at);
    this.#at += XERIAL_SIZE_BYTES;
    if (size < 0 || size > data.length - this.#at) throw malformed('snappy block is cut off');
    this.#open(this.#at + size);
    return true;
  }

  #open(end: number): void {
    const { length, position } = readSnappyLength(this.#data, this.#at, end);
    const out = this.#scratch.room(length);
    this.#block = { decoder: new SnappyBlock(this.#data, position, end, out, length), length, given: 0 };
    this.#at = end;
  }
}
