import { malformed, tooLarge } from './error.ts';
import { decodeLz4Block, encodeLz4Block, lz4Table, maxLz4BlockBytes, NO_ROOM } from './lz4-block.ts';
import { Output } from './output.ts';
import { xxhash32 } from './xxhash32.ts';

/** LZ4's frame format (lz4/doc/lz4_Frame_format.md, version 1.6). */

const MAGIC = 0x184d2204;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;

const VERSION_BITS = 0b0100_0000;
const VERSION_MASK = 0b1100_0000;
const INDEPENDENT_BLOCKS = 0b0010_0000;
const BLOCK_CHECKSUMS = 0b0001_0000;
const CONTENT_SIZE = 0b0000_1000;
const CONTENT_CHECKSUM = 0b0000_0100;
const FLAGS_RESERVED = 0b0000_0010;
const DICTIONARY = 0b0000_0001;
const DESCRIPTOR_RESERVED = 0b1000_1111;

/** In a block's size: the block is stored uncompressed. */
export const LZ4_UNCOMPRESSED = 0x80000000;

/**
 * Block size code 4, 64 KiB, as in Kafka's own clients (Lz4BlockOutputStream); distances reach as
 * far.
 */
const ENCODED_BLOCK_CODE = 4;
const ENCODED_BLOCK_BYTES = 64 * 1024;

/** One byte of a match length stands for 255 bytes, the largest expansion. */
export const LZ4_MAX_GROWTH = 256;

export interface Frame {
  /** Where the descriptor begins, behind the magic number. */
  readonly descriptor: number;
  readonly independent: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  /** Undefined when the frame does not contain it. */
  readonly contentSize: number | undefined;
  readonly blockBytes: number;
  /** Where the first block begins. */
  readonly position: number;
}

/**
 * Decodes the frames in `data`, which may follow one another, skippable ones among them. Verifies
 * the checksums that are there. Throws CompressionError.
 */
export function decodeLz4(data: Buffer, maxBytes: number): Buffer {
  if (data.length === 0) throw malformed('LZ4 data is empty');
  const output = new Output(data.length * 4, maxBytes);
  let at = 0;
  while (at < data.length) {
    const magic = uint32(data, at);
    if ((magic & SKIPPABLE_MASK) >>> 0 === SKIPPABLE_MAGIC) {
      const size = uint32(data, at + 4);
      if (size > data.length - at - 8) throw malformed('LZ4 skippable frame is cut off');
      at += 8 + size;
    } else {
      at = decodeFrame(data, readHeader(data, at), output);
    }
  }
  return output.done();
}

export function uint32(data: Buffer, at: number): number {
  if (at + 4 > data.length) throw malformed('LZ4 frame is cut off');
  return data.readUInt32LE(at);
}

/** The header of the frame that begins at `start`. Throws CompressionError ('malformed'). */
export function readHeader(data: Buffer, start: number): Frame {
  if (uint32(data, start) !== MAGIC) throw malformed('LZ4 frame does not begin with its magic number');
  const descriptor = start + 4;
  if (descriptor + 3 > data.length) throw malformed('LZ4 frame header is cut off');
  const flags = data[descriptor]!;
  const block = data[descriptor + 1]!;
  if ((flags & VERSION_MASK) !== VERSION_BITS) throw malformed('LZ4 frame has an unknown version');
  if (flags & FLAGS_RESERVED || block & DESCRIPTOR_RESERVED) throw malformed('LZ4 frame uses reserved bits');
  if (flags & DICTIONARY) throw malformed('LZ4 frame needs a dictionary');
  const blockCode = block >>> 4;
  if (blockCode < 4) throw malformed('LZ4 frame has an unknown block size');
  let at = descriptor + 2;
  let contentSize: number | undefined;
  if (flags & CONTENT_SIZE) {
    if (at + 8 > data.length) throw malformed('LZ4 frame header is cut off');
    contentSize = data.readUInt32LE(at) + data.readUInt32LE(at + 4) * 2 ** 32;
    at += 8;
  }
  if (at >= data.length) throw malformed('LZ4 frame header is cut off');
  const checksum = data[at]!;
  // Some clients included the magic number in this checksum (KAFKA-3160); Kafka reads both.
  if (checksum !== headerChecksum(data, descriptor, at) && checksum !== headerChecksum(data, start, at)) {
    throw malformed('LZ4 frame header does not match its checksum');
  }
  return {
    descriptor,
    independent: (flags & INDEPENDENT_BLOCKS) !== 0,
    blockChecksums: (flags & BLOCK_CHECKSUMS) !== 0,
    contentChecksum: (flags & CONTENT_CHECKSUM) !== 0,
    contentSize,
    blockBytes: 2 ** (8 + 2 * blockCode),
    position: at + 1,
  };
}

/**
 * Whether the header's checksum is the standard one; readHeader also accepts the one that includes
 * the magic number.
 */
export function hasProperChecksum(data: Buffer, { descriptor, position }: Frame): boolean {
  return data[position - 1] === headerChecksum(data, descriptor, position - 1);
}

function headerChecksum(data: Buffer, start: number, end: number): number {
  return (xxhash32(data, start, end) >>> 8) & 0xff;
}

/** Returns the position behind the frame. */
function decodeFrame(data: Buffer, frame: Frame, output: Output): number {
  const frameStart = output.length;
  const { contentSize } = frame;
  if (contentSize !== undefined && contentSize > output.maxBytes - frameStart) throw tooLarge('LZ4', output.maxBytes);
  let at = frame.position;
  for (;;) {
    const word = uint32(data, at);
    at += 4;
    if (word === 0) break;
    const size = word % LZ4_UNCOMPRESSED;
    if (size > frame.blockBytes || size > data.length - at) throw malformed('LZ4 block is cut off or too large');
    decodeBlock(data, at, size, word >= LZ4_UNCOMPRESSED, frame, output, frameStart);
    const blockStart = at;
    at += size;
    if (frame.blockChecksums) {
      if (uint32(data, at) !== xxhash32(data, blockStart, at)) throw malformed('LZ4 block does not match its checksum');
      at += 4;
    }
  }
  if (contentSize !== undefined && contentSize !== output.length - frameStart) {
    throw malformed('LZ4 frame does not give as many bytes as its header says');
  }
  if (!frame.contentChecksum) return at;
  if (uint32(data, at) !== xxhash32(output.bytes, frameStart, output.length)) {
    throw malformed('LZ4 content does not match its checksum');
  }
  return at + 4;
}

function decodeBlock(
  data: Buffer,
  start: number,
  size: number,
  stored: boolean,
  frame: Frame,
  output: Output,
  frameStart: number,
): void {
  // Decoding needs room for the largest content of a block, and blocks announced as 4 MiB are
  // mostly far smaller.
  const bound = stored ? size : Math.min(frame.blockBytes, size * LZ4_MAX_GROWTH);
  const limit = output.reserve(bound);
  if (stored) {
    if (size > limit - output.length) throw tooLarge('LZ4', output.maxBytes);
    data.copy(output.bytes, output.length, start, start + size);
    output.length += size;
    return;
  }
  const floor = frame.independent ? output.length : frameStart;
  const end = decodeLz4Block(data, start, start + size, output.bytes, output.length, limit, floor);
  if (end !== NO_ROOM) {
    output.length = end;
  } else if (limit - output.length < bound) {
    throw tooLarge('LZ4', output.maxBytes);
  } else {
    throw malformed('LZ4 block gives more than its frame allows');
  }
}

/**
 * Encodes `data` as one frame of independent 64 KiB blocks without checksums, as Kafka's own
 * clients do.
 */
export function encodeLz4(data: Buffer): Buffer {
  return Buffer.concat([...lz4Parts(data)]);
}

/** As encodeLz4, block by block: one after the other they are the encoded data. */
export function* lz4Parts(data: Buffer): Generator<Buffer, void> {
  const header = Buffer.alloc(7);
  header.writeUInt32LE(MAGIC, 0);
  header[4] = VERSION_BITS | INDEPENDENT_BLOCKS;
  header[5] = ENCODED_BLOCK_CODE << 4;
  header[6] = headerChecksum(header, 4, 6);
  yield header;
  const table = lz4Table();
  for (let start = 0; start < data.length; start += ENCODED_BLOCK_BYTES) {
    const end = Math.min(start + ENCODED_BLOCK_BYTES, data.length);
    const out = Buffer.allocUnsafe(4 + maxLz4BlockBytes(end - start));
    const size = encodeLz4Block(data, start, end, table, out, 4) - 4;
    if (size < end - start) {
      out.writeUInt32LE(size, 0);
      // A copy, so that no more memory is held than was written.
      yield Buffer.from(out.subarray(0, 4 + size));
    } else {
      out.writeUInt32LE(LZ4_UNCOMPRESSED + (end - start), 0);
      data.copy(out, 4, start, end);
      yield out.subarray(0, 4 + end - start);
    }
  }
  yield Buffer.alloc(4);
}
