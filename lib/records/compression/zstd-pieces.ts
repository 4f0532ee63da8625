import { malformed } from './error.ts';
import { Output } from './output.ts';
import type { Pieces } from './piece-source.ts';
import { ZstdBlockDecoder } from './zstd-block.ts';
import {
  frameEnd,
  MAX_ZSTD_BLOCK_BYTES,
  readBlockHeader,
  readFrameHeader,
  skipFrames,
  type ZstdFrameHeader,
} from './zstd-frame.ts';

/**
 * Room beside the window, so that the window moves seldom: as large as the window, up to this size.
 */
const SLACK_BYTES_MAX = 16 * 1024 * 1024;

const NOTHING = Buffer.alloc(0);

interface OpenFrame {
  readonly header: ZstdFrameHeader;
  readonly output: Output;
  readonly decoder: ZstdBlockDecoder;
  given: number;
}

/**
 * The blocks of all data frames, decoded by this program. Holds no more than the window of a frame.
 */
export class ZstdPieces implements Pieces {
  readonly #data: Buffer;
  #at = 0;
  #frame: OpenFrame | undefined;

  constructor(data: Buffer) {
    if (data.length === 0) throw malformed('zstd data is empty');
    this.#data = data;
  }

  next(): Buffer | undefined {
    if (this.#frame === undefined) {
      this.#at = skipFrames(this.#data, this.#at);
      if (this.#at >= this.#data.length) return undefined;
      this.#frame = open(readFrameHeader(this.#data, this.#at));
      this.#at = this.#frame.header.position;
      return NOTHING;
    }
    return this.#block(this.#frame);
  }

  #block(frame: OpenFrame): Buffer {
    const { header, output, decoder } = frame;
    const { type, size, last, start, end } = readBlockHeader(this.#data, this.#at);
    if (output.length + MAX_ZSTD_BLOCK_BYTES > output.maxBytes) keepWindow(output, header.windowSize);
    const from = output.length;
    decoder.decode(this.#data, type, size, start);
    frame.given += output.length - from;
    if (frame.given > (header.contentSize ?? Number.POSITIVE_INFINITY)) throw wrongSize();
    this.#at = end;
    if (last) {
      if (header.contentSize !== undefined && frame.given !== header.contentSize) throw wrongSize();
      this.#at = frameEnd(this.#data, header, end);
      this.#frame = undefined;
    }
    return output.bytes.subarray(from, output.length);
  }
}

function open(header: ZstdFrameHeader): OpenFrame {
  const { windowSize, contentSize } = header;
  const capacity = windowSize + Math.min(windowSize, SLACK_BYTES_MAX) + MAX_ZSTD_BLOCK_BYTES;
  const output = new Output(Math.min(contentSize ?? MAX_ZSTD_BLOCK_BYTES, MAX_ZSTD_BLOCK_BYTES), capacity);
  return { header, output, decoder: new ZstdBlockDecoder(output), given: 0 };
}

/** Moves the bytes that matches may still reach to the front. */
function keepWindow(output: Output, windowSize: number): void {
  const kept = Math.min(windowSize, output.length);
  output.bytes.copyWithin(0, output.length - kept, output.length);
  output.length = kept;
}

function wrongSize(): Error {
  return malformed('zstd frame does not give as many bytes as its header says');
}
