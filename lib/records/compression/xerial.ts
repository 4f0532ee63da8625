import { malformed, tooLarge } from './error.ts';
import { decodeSnappyBlock, encodeSnappyBlock } from './snappy.ts';

/**
 * The framing that Java clients put around snappy blocks (xerial/snappy-java, SnappyOutputStream):
 * a header, then blocks, each after its size. librdkafka sends one raw block without it; Kafka
 * reads both, and so does this.
 */

const MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
export const XERIAL_HEADER_BYTES = 16;
export const XERIAL_SIZE_BYTES = 4;
const VERSION = 1;

/** snappy-java's default block size, which Kafka's clients keep. */
const BLOCK_BYTES = 32 * 1024;

/** Decodes framed or raw snappy data. Throws CompressionError. */
export function decodeSnappy(data: Buffer, maxBytes: number): Buffer {
  if (!isXerialHeader(data, 0)) return decodeSnappyBlock(data, maxBytes);
  const blocks: Buffer[] = [];
  let total = 0;
  for (let at = XERIAL_HEADER_BYTES; at < data.length; ) {
    if (at + XERIAL_SIZE_BYTES > data.length) throw malformed('snappy block size is cut off');
    if (isXerialHeader(data, at)) {
      at += XERIAL_HEADER_BYTES;
      continue;
    }
    const size = data.readInt32BE(at);
    at += XERIAL_SIZE_BYTES;
    if (size < 0 || size > data.length - at) throw malformed('snappy block is cut off');
    if (total > maxBytes) throw tooLarge('snappy', maxBytes);
    const block = decodeSnappyBlock(data.subarray(at, at + size), maxBytes - total);
    total += block.length;
    blocks.push(block);
    at += size;
  }
  return blocks.length === 1 ? blocks[0]! : Buffer.concat(blocks, total);
}

/**
 * Whether a header stands at `at`: at the start, or where another stream has been put behind the
 * first.
 */
export function isXerialHeader(data: Buffer, at: number): boolean {
  return data.length - at >= XERIAL_HEADER_BYTES && data.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) === 0;
}

/** Encodes `data` with the framing, as Kafka's own clients do. */
export function encodeSnappy(data: Buffer): Buffer {
  return Buffer.concat([...snappyParts(data)]);
}

/** As encodeSnappy, block by block: one after the other they are the encoded data. */
export function* snappyParts(data: Buffer): Generator<Buffer, void> {
  const header = Buffer.alloc(XERIAL_HEADER_BYTES);
  MAGIC.copy(header);
  header.writeInt32BE(VERSION, 8);
  header.writeInt32BE(VERSION, 12);
  yield header;
  for (let start = 0; start < data.length; start += BLOCK_BYTES) {
    const block = encodeSnappyBlock(data.subarray(start, start + BLOCK_BYTES));
    const size = Buffer.alloc(XERIAL_SIZE_BYTES);
    size.writeInt32BE(block.length, 0);
    yield Buffer.concat([size, block]);
  }
}
