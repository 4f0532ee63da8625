import { malformed } from './error.ts';

/**
 * The outer structure of Zstandard data (RFC 8878): frames and the sizes of their blocks, without
 * decoding any.
 */

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const SINGLE_SEGMENT = 0b0010_0000;
const RESERVED = 0b0000_1000;
const CHECKSUM = 0b0000_0100;
const DICTIONARY_MASK = 0b11;

const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;

/** The largest window that a decoder accepts by default (ZSTD_WINDOWLOG_LIMIT_DEFAULT). */
const MAX_WINDOW_BYTES = 2 ** 27;

const BLOCK_TYPES = ['raw', 'repeated', 'compressed'] as const;

/** A block decodes to at most 128 KiB (RFC 8878, 3.1.1.2.4). */
export const MAX_ZSTD_BLOCK_BYTES = 128 * 1024;

/**
 * Encoders write one frame. Each frame costs a decoder's set-up: a million empty ones would take
 * minutes.
 */
const MAX_FRAMES = 1024;

export interface ZstdBlock {
  readonly type: 'raw' | 'repeated' | 'compressed';
  /** Size when decoded; for a compressed block, size of its content. */
  readonly size: number;
  /** Where its content begins in the frame. */
  readonly start: number;
}

/** The header of a frame. */
export interface ZstdFrameHeader {
  /** Decoded size of the frame; undefined when the header lacks it. */
  readonly contentSize: number | undefined;
  /** How far back a match may reach, bytes. */
  readonly windowSize: number;
  /** A checksum of the content follows the last block. */
  readonly checksum: boolean;
  /** Where the first block's header begins. */
  readonly position: number;
}

export interface ZstdFrame extends ZstdFrameHeader {
  /** The frame alone, whole. */
  readonly bytes: Buffer;
  readonly blocks: readonly ZstdBlock[];
}

/** The data frames in `data`, skippable ones left out. Throws CompressionError ('malformed'). */
export function zstdFrames(data: Buffer): ZstdFrame[] {
  if (data.length === 0) throw malformed('zstd data is empty');
  const frames: ZstdFrame[] = [];
  for (let at = skipFrames(data, 0); at < data.length; at = skipFrames(data, at)) {
    if (frames.length === MAX_FRAMES) throw malformed('zstd data has too many frames');
    const frame = readFrame(data, at);
    frames.push(frame);
    at += frame.bytes.length;
  }
  return frames;
}

/**
 * The position of the first data frame at or behind `position`; the end if there is none. Throws
 * CompressionError.
 */
export function skipFrames(data: Buffer, position: number): number {
  let at = position;
  while (at < data.length) {
    need(data, at, 4);
    if ((data.readUInt32LE(at) & SKIPPABLE_MASK) >>> 0 !== SKIPPABLE_MAGIC) return at;
    need(data, at, 8);
    const size = data.readUInt32LE(at + 4);
    need(data, at + 8, size);
    at += 8 + size;
  }
  return at;
}

function need(data: Buffer, at: number, length: number): void {
  if (length > data.length - at) throw malformed('zstd frame is cut off');
}

/** Reads the header of the frame that begins at `start`. Throws CompressionError ('malformed'). */
export function readFrameHeader(data: Buffer, start: number): ZstdFrameHeader {
  need(data, start, 4);
  if (data.readUInt32LE(start) !== MAGIC) throw malformed('zstd frame does not begin with its magic number');
  need(data, start, 6);
  const flags = data[start + 4]!;
  if (flags & RESERVED) throw malformed('zstd frame uses a reserved bit');
  if (flags & DICTIONARY_MASK) throw malformed('zstd frame needs a dictionary');
  const single = (flags & SINGLE_SEGMENT) !== 0;
  let at = start + 5;
  let windowSize = 0;
  if (!single) {
    const descriptor = data[at++]!;
    windowSize = 2 ** (10 + (descriptor >>> 3)) * (1 + (descriptor & 7) / 8);
  }
  const sizeCode = flags >>> 6;
  const sizeBytes = sizeCode === 0 ? Number(single) : 2 ** sizeCode;
  need(data, at, sizeBytes);
  let contentSize: number | undefined;
  if (sizeBytes === 1) contentSize = data[at]!;
  else if (sizeBytes === 2) contentSize = data.readUInt16LE(at) + 256;
  else if (sizeBytes === 4) contentSize = data.readUInt32LE(at);
  else if (sizeBytes === 8) contentSize = data.readUInt32LE(at) + data.readUInt32LE(at + 4) * 2 ** 32;
  at += sizeBytes;
  if (single) windowSize = contentSize!;
  if (windowSize > MAX_WINDOW_BYTES) throw malformed('zstd frame needs too large a window');
  return { contentSize, windowSize, checksum: (flags & CHECKSUM) !== 0, position: at };
}

export interface ZstdBlockHeader {
  readonly type: ZstdBlock['type'];
  readonly size: number;
  readonly last: boolean;
  /** Where its content begins and ends in the data. */
  readonly start: number;
  readonly end: number;
}

/**
 * Reads the header of the block at `position` and checks that its content is complete. Throws
 * CompressionError ('malformed').
 */
export function readBlockHeader(data: Buffer, position: number): ZstdBlockHeader {
  need(data, position, BLOCK_HEADER_BYTES);
  const header = data.readUIntLE(position, BLOCK_HEADER_BYTES);
  const start = position + BLOCK_HEADER_BYTES;
  const type = BLOCK_TYPES[(header >>> 1) & 3];
  if (type === undefined) throw malformed('zstd block has an unknown type');
  const size = header >>> 3;
  if (size > MAX_ZSTD_BLOCK_BYTES) throw malformed('zstd block is too large');
  const stored = type === 'repeated' ? 1 : size;
  need(data, start, stored);
  return { type, size, last: (header & 1) === 1, start, end: start + stored };
}

/**
 * The position behind a frame whose last block ends at `position`. Throws CompressionError
 * ('malformed').
 */
export function frameEnd(data: Buffer, { checksum }: ZstdFrameHeader, position: number): number {
  if (!checksum) return position;
  need(data, position, CHECKSUM_BYTES);
  return position + CHECKSUM_BYTES;
}

function readFrame(data: Buffer, start: number): ZstdFrame {
  const header = readFrameHeader(data, start);
  const blocks: ZstdBlock[] = [];
  let at = header.position;
  for (let last = false; !last; ) {
    const block = readBlockHeader(data, at);
    blocks.push({ type: block.type, size: block.size, start: block.start - start });
    at = block.end;
    last = block.last;
  }
  return { ...header, bytes: data.subarray(start, frameEnd(data, header, at)), blocks };
}
