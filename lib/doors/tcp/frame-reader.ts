import { assert } from '../../core/assert.ts';
import { foreignProtocol } from './foreign-protocol.ts';

/** API key, API version and correlation id: what every request header begins with. */
export const FRAME_BYTES_MIN = 8;

const SIZE_BYTES = 4;

/** A frame that came in pieces starts with a buffer of this size, whatever size it announced. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/**
 * Each step copies what is there once: all steps together copy no byte more often than once on
 * average.
 */
const GROWTH_FACTOR = 4;

/**
 * Cuts a byte stream into frames: a 4-byte big-endian size, then that many bytes. A frame that lies
 * in one chunk is a view of the chunk. One that came in pieces gets a buffer that grows with the
 * bytes that have arrived, so that an announced size alone costs nothing.
 */
export class FrameReader {
  readonly #frameBytesMax: number;
  #chunk: Buffer | undefined;
  #position = 0;
  readonly #sizeBuffer = Buffer.alloc(SIZE_BYTES);
  #sizeFilled = 0;
  /** Size of the frame that is being read, -1 while it is not known. */
  #frameBytes = -1;
  #partial: Buffer | undefined;
  #partialFilled = 0;
  #isFirst = true;
  #problem: string | undefined;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Why the stream cannot be read on, for the log; set once a frame had an impossible size. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** True when a frame, or its size, has begun and is not complete. */
  get hasPartialFrame(): boolean {
    return this.#frameBytes >= 0 || this.#sizeFilled > 0;
  }

  /** Takes the next chunk; only after `next` has said that the last one is used up. */
  push(chunk: Buffer): void {
    assert(this.#chunk === undefined, 'a chunk was pushed before the last one was used up');
    this.#chunk = chunk.length > 0 ? chunk : undefined;
    this.#position = 0;
  }

  /**
   * The next frame without its size, or undefined when the chunk is used up or `problem` is set.
   */
  next(): Buffer | undefined {
    if (this.#chunk === undefined || this.#problem !== undefined) return undefined;
    if (this.#frameBytes < 0 && !this.#readSize(this.#chunk)) return undefined;
    const available = this.#chunk.length - this.#position;
    if (this.#partial === undefined && available >= this.#frameBytes) return this.#cut(this.#chunk);
    return this.#gather(this.#chunk, available);
  }

  #readSize(chunk: Buffer): boolean {
    if (this.#sizeFilled === 0 && chunk.length - this.#position >= SIZE_BYTES) {
      this.#frameBytes = chunk.readInt32BE(this.#position);
      this.#position += SIZE_BYTES;
    } else {
      const taken = chunk.copy(this.#sizeBuffer, this.#sizeFilled, this.#position);
      this.#position += taken;
      this.#sizeFilled += taken;
      if (this.#sizeFilled < SIZE_BYTES) {
        this.#chunk = undefined;
        return false;
      }
      this.#frameBytes = this.#sizeBuffer.readInt32BE(0);
      this.#sizeFilled = 0;
    }
    this.#problem = this.#sizeProblem(this.#frameBytes);
    this.#isFirst = false;
    return this.#problem === undefined;
  }

  #sizeProblem(size: number): string | undefined {
    const foreign = this.#isFirst ? foreignProtocol(size) : undefined;
    if (foreign !== undefined) return foreign;
    if (size < 0) return `a request announced ${size} bytes`;
    if (size < FRAME_BYTES_MIN) return `a request of ${size} bytes is shorter than a request header`;
    if (size > this.#frameBytesMax) {
      return `a request of ${size} bytes is larger than socket.request.max.bytes, ${this.#frameBytesMax}`;
    }
    return undefined;
  }

  #cut(chunk: Buffer): Buffer {
    const end = this.#position + this.#frameBytes;
    const frame = chunk.subarray(this.#position, end);
    this.#advance(chunk, end);
    this.#frameBytes = -1;
    return frame;
  }

  #gather(chunk: Buffer, available: number): Buffer | undefined {
    const taken = Math.min(available, this.#frameBytes - this.#partialFilled);
    const partial = this.#roomFor(taken);
    chunk.copy(partial, this.#partialFilled, this.#position, this.#position + taken);
    this.#partialFilled += taken;
    this.#advance(chunk, this.#position + taken);
    if (this.#partialFilled < this.#frameBytes) return undefined;
    this.#partial = undefined;
    this.#partialFilled = 0;
    this.#frameBytes = -1;
    return partial;
  }

  #roomFor(taken: number): Buffer {
    const needed = this.#partialFilled + taken;
    if (this.#partial !== undefined && needed <= this.#partial.length) return this.#partial;
    const step = Math.max(FIRST_BUFFER_BYTES, needed * GROWTH_FACTOR);
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#frameBytes, step));
    this.#partial?.copy(grown, 0, 0, this.#partialFilled);
    this.#partial = grown;
    return grown;
  }

  #advance(chunk: Buffer, position: number): void {
    this.#position = position;
    if (position === chunk.length) this.#chunk = undefined;
  }
}
