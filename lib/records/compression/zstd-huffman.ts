import { malformed } from './error.ts';
import { ReverseBits } from './zstd-bits.ts';
import { nextState, readFseTable } from './zstd-fse.ts';

/** Huffman coding of zstd's literals (RFC 8878, 4.2). */

export interface HuffmanTable {
  /** Bits of the longest code. */
  readonly maxBits: number;
  /** By the next `maxBits` bits: the symbol, and how many of them are its code. */
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

const MAX_CODE_BITS = 11;
const MAX_SYMBOLS = 256;
const WEIGHTS_MAX_ACCURACY = 6;
/** Header bytes from here on announce plain weights of four bits each. */
const PLAIN_WEIGHTS = 128;

/**
 * Reads a table's description, which begins at `start` and must end by `end`. Throws
 * CompressionError ('malformed').
 */
export function readHuffmanTable(data: Buffer, start: number, end: number): { table: HuffmanTable; position: number } {
  if (start >= end) throw malformed('zstd Huffman table is cut off');
  const head = data[start]!;
  const count = head - PLAIN_WEIGHTS + 1;
  const position = start + 1 + (head < PLAIN_WEIGHTS ? head : (count + 1) >>> 1);
  if (position > end) throw malformed('zstd Huffman table is cut off');
  const weights = head < PLAIN_WEIGHTS ? codedWeights(data, start + 1, position) : plainWeights(data, start + 1, count);
  return { table: huffmanTable(weights), position };
}

function plainWeights(data: Buffer, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const byte = data[start + (i >>> 1)]!;
    return i % 2 === 0 ? byte >>> 4 : byte & 15;
  });
}

function codedWeights(data: Buffer, start: number, end: number): number[] {
  const { table, position } = readFseTable(data, start, end, WEIGHTS_MAX_ACCURACY, MAX_CODE_BITS);
  const bits = new ReverseBits(data, position, end);
  const weights: number[] = [];
  // Two states alternate; when the bits end at one, the other yields the last symbol.
  let state = bits.read(table.accuracy);
  let other = bits.read(table.accuracy);
  if (bits.left < 0) throw malformed('zstd Huffman weights are cut off');
  while (weights.length < MAX_SYMBOLS) {
    weights.push(table.symbols[state]!);
    const following = nextState(table, state, bits);
    state = other;
    if (bits.left < 0) {
      weights.push(table.symbols[state]!);
      return weights;
    }
    other = following;
  }
  throw malformed('zstd Huffman table has too many symbols');
}

function huffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    if (weight > MAX_CODE_BITS) throw malformed('zstd Huffman code is too long');
    if (weight > 0) sum += 1 << (weight - 1);
  }
  const maxBits = 32 - Math.clz32(sum);
  if (sum === 0 || maxBits > MAX_CODE_BITS || weights.length >= MAX_SYMBOLS) {
    throw malformed('zstd Huffman table does not add up');
  }
  // The last weight is not stored: it completes the table.
  const rest = (1 << maxBits) - sum;
  if ((rest & (rest - 1)) !== 0) throw malformed('zstd Huffman table does not add up');
  const all = [...weights, 32 - Math.clz32(rest)];

  const symbols = new Uint8Array(1 << maxBits);
  const bits = new Uint8Array(1 << maxBits);
  let at = 0;
  for (let weight = 1; weight <= maxBits; weight++) {
    const span = 1 << (weight - 1);
    all.forEach((own, symbol) => {
      if (own !== weight) return;
      symbols.fill(symbol, at, at + span);
      bits.fill(maxBits + 1 - weight, at, at + span);
      at += span;
    });
  }
  if (bits[0] !== maxBits) throw malformed('zstd Huffman table has no longest code');
  return { maxBits, symbols, bits };
}

/**
 * Decodes the stream `data[start, end)` into `out[from, to)`. Throws CompressionError
 * ('malformed').
 */
export function decodeHuffman(
  table: HuffmanTable,
  data: Buffer,
  start: number,
  end: number,
  out: Buffer,
  from: number,
  to: number,
): void {
  const { maxBits, symbols, bits } = table;
  const stream = new ReverseBits(data, start, end);
  const mask = (1 << maxBits) - 1;
  let { left } = stream;
  let at = from;
  // Three bytes hold a complete code; only the last few codes need the bit reader.
  for (; at < to && left >= maxBits; at++) {
    const bit = left - maxBits;
    const byte = start + (bit >>> 3);
    const code = ((data[byte]! | (data[byte + 1]! << 8) | (data[byte + 2]! << 16)) >>> (bit & 7)) & mask;
    out[at] = symbols[code]!;
    left -= bits[code]!;
  }
  stream.left = left;
  for (; at < to; at++) {
    const code = stream.peek(maxBits);
    out[at] = symbols[code]!;
    stream.left -= bits[code]!;
  }
  if (stream.left !== 0) throw malformed('zstd literals do not end with their bits');
}
