import { malformed } from './error.ts';
import type { Scratch } from './scratch.ts';
import { MAX_ZSTD_BLOCK_BYTES } from './zstd-frame.ts';
import { decodeHuffman, type HuffmanTable, readHuffmanTable } from './zstd-huffman.ts';

/** The first half of a compressed zstd block: its literals (RFC 8878, 3.1.1.3.1). */

const RAW = 0;
const REPEATED = 1;
const COMPRESSED = 2;

/** Where four streams begin: the sizes of the first three, two bytes each. */
const JUMP_TABLE_BYTES = 6;

export interface Literals {
  /** The literals; only the first `length` bytes are valid. */
  readonly bytes: Buffer;
  readonly length: number;
  /** Where the sequences begin. */
  readonly position: number;
  /** For later blocks that refer to it. */
  readonly huffman: HuffmanTable | undefined;
}

/** Reads the literals of the block `data[start, end)`. Throws CompressionError ('malformed'). */
export function readLiterals(
  data: Buffer,
  start: number,
  end: number,
  known: HuffmanTable | undefined,
  scratch: Scratch,
): Literals {
  const cutOff = () => malformed('zstd literals are cut off');
  if (end - start < 2) throw cutOff();
  const type = data[start]! & 3;
  const format = (data[start]! >>> 2) & 3;
  if (type === RAW || type === REPEATED) {
    const headerBytes = format === 1 ? 2 : format === 3 ? 3 : 1;
    const position = start + headerBytes;
    if (position > end) throw cutOff();
    const length = data.readUIntLE(start, headerBytes) >>> (headerBytes === 1 ? 3 : 4);
    checkLength(length);
    const stored = type === RAW ? length : 1;
    if (stored > end - position) throw cutOff();
    const bytes =
      type === RAW ? data.subarray(position, position + length) : scratch.room(length).fill(data[position]!, 0, length);
    return { bytes, length, position: position + stored, huffman: known };
  }

  const headerBytes = format < 2 ? 3 : format + 2;
  const sizeBits = format < 2 ? 10 : format * 4 + 6;
  if (headerBytes > end - start) throw cutOff();
  const sizes = Math.floor(data.readUIntLE(start, headerBytes) / 16);
  const length = sizes % 2 ** sizeBits;
  const stored = Math.floor(sizes / 2 ** sizeBits);
  checkLength(length);
  const streamsEnd = start + headerBytes + stored;
  if (streamsEnd > end) throw cutOff();
  let at = start + headerBytes;
  let huffman = known;
  if (type === COMPRESSED) {
    const read = readHuffmanTable(data, at, streamsEnd);
    huffman = read.table;
    at = read.position;
  }
  if (huffman === undefined) throw malformed('zstd literals refer to a table that is not there');
  const bytes = scratch.room(length);
  if (format === 0) decodeHuffman(huffman, data, at, streamsEnd, bytes, 0, length);
  else decodeFourStreams(huffman, data, at, streamsEnd, bytes, length);
  return { bytes, length, position: streamsEnd, huffman };
}

function checkLength(length: number): void {
  if (length > MAX_ZSTD_BLOCK_BYTES) throw malformed('zstd literals are too many for a block');
}

function decodeFourStreams(
  table: HuffmanTable,
  data: Buffer,
  start: number,
  end: number,
  out: Buffer,
  length: number,
): void {
  const quarter = (length + 3) >>> 2;
  if (end - start < JUMP_TABLE_BYTES || quarter * 3 > length)
    throw malformed('zstd literals are too few for four streams');
  let at = start + JUMP_TABLE_BYTES;
  for (let i = 0; i < 4; i++) {
    const next = i < 3 ? at + data.readUInt16LE(start + 2 * i) : end;
    if (next > end) throw malformed('zstd literals are cut off');
    decodeHuffman(table, data, at, next, out, quarter * i, i < 3 ? quarter * (i + 1) : length);
    at = next;
  }
}
