import { copyLiterals, int32le, SHORTEST_BULK_COPY } from './copy.ts';
import { malformed } from './error.ts';

/** LZ4's block format (lz4/doc/lz4_Block_format.md). */

const MIN_MATCH = 4;
/**
 * The format's end rules: the last match starts at least 12 bytes before the end, and the last 5
 * bytes are literals.
 */
const MATCH_START_LIMIT = 12;
const LAST_LITERALS = 5;

const HASH_BITS = 13;
const HASH_MULTIPLIER = 0x9e3779b1;

/** The largest encoded size of `length` bytes (LZ4_compressBound). */
export function maxLz4BlockBytes(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

/** Instead of a position: the block decodes to more than there is room for. */
export const NO_ROOM = -1;

/**
 * Decodes the block `data[start, end)` into `out` from `to` on and returns the position behind its
 * last byte, or NO_ROOM. Nothing is written at or behind `limit`, and no match reaches before
 * `floor`. Throws CompressionError ('malformed').
 */
export function decodeLz4Block(
  data: Buffer,
  start: number,
  end: number,
  out: Buffer,
  to: number,
  limit: number,
  floor: number,
): number {
  let at = start;
  let target = to;
  while (at < end) {
    const token = data[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let byte: number;
      do {
        if (at >= end) throw malformed('LZ4 literal length is cut off');
        byte = data[at++]!;
        literals += byte;
      } while (byte === 255);
    }
    if (literals > end - at) throw malformed('LZ4 literals are cut off');
    if (literals > limit - target) return NO_ROOM;
    if (literals >= SHORTEST_BULK_COPY) {
      data.copy(out, target, at, at + literals);
      at += literals;
      target += literals;
    } else {
      for (const stop = at + literals; at < stop; ) out[target++] = data[at++]!;
    }
    if (at === end) return target;

    if (at + 2 > end) throw malformed('LZ4 match is cut off');
    const distance = data[at]! | (data[at + 1]! << 8);
    at += 2;
    let length = (token & 15) + MIN_MATCH;
    if (length === 15 + MIN_MATCH) {
      let byte: number;
      do {
        if (at >= end) throw malformed('LZ4 match length is cut off');
        byte = data[at++]!;
        length += byte;
      } while (byte === 255);
    }
    if (distance === 0 || distance > target - floor) throw malformed('LZ4 match reaches before its data');
    if (length > limit - target) return NO_ROOM;
    let from = target - distance;
    if (length >= SHORTEST_BULK_COPY && distance >= length) {
      out.copyWithin(target, from, from + length);
      target += length;
    } else {
      for (const stop = target + length; target < stop; ) out[target++] = out[from++]!;
    }
  }
  throw malformed('LZ4 block does not end with literals');
}

/** A hash table to pass to encodeLz4Block; its content does not matter. */
export function lz4Table(): Int32Array {
  return new Int32Array(1 << HASH_BITS);
}

/**
 * Encodes `data[start, end)`, at most 64 KiB, as one block that refers to nothing before `start`,
 * into `out` from `to` on, where maxLz4BlockBytes fit. Returns the position behind it.
 */
export function encodeLz4Block(
  data: Buffer,
  start: number,
  end: number,
  table: Int32Array,
  out: Buffer,
  to: number,
): number {
  table.fill(-1);
  let pending = start;
  let target = to;
  let at = start;
  const matchLimit = end - LAST_LITERALS;
  // Steps grow while nothing matches, so that incompressible data is skipped quickly.
  let missed = 64;
  while (at <= end - MATCH_START_LIMIT) {
    const word = int32le(data, at);
    const slot = Math.imul(word, HASH_MULTIPLIER) >>> (32 - HASH_BITS);
    const candidate = table[slot]!;
    table[slot] = at;
    // In a full block the first byte is 65,536 before the end, one more than the largest distance.
    if (candidate < 0 || at - candidate > 0xffff || int32le(data, candidate) !== word) {
      at += missed++ >>> 6;
      continue;
    }
    missed = 64;
    let length = MIN_MATCH;
    while (at + length < matchLimit && data[at + length] === data[candidate + length]) length++;
    target = writeSequence(data, pending, at, at - candidate, length, out, target);
    at += length;
    pending = at;
  }
  return writeLastLiterals(data, pending, end, out, target);
}

function writeSequence(
  data: Buffer,
  literalStart: number,
  literalEnd: number,
  distance: number,
  length: number,
  out: Buffer,
  to: number,
): number {
  const literals = literalEnd - literalStart;
  const more = length - MIN_MATCH;
  let target = to;
  out[target++] = (Math.min(literals, 15) << 4) | Math.min(more, 15);
  if (literals >= 15) target = writeRest(out, target, literals - 15);
  copyLiterals(data, literalStart, out, target, literals);
  target += literals;
  out[target++] = distance & 0xff;
  out[target++] = distance >>> 8;
  return more >= 15 ? writeRest(out, target, more - 15) : target;
}

function writeLastLiterals(data: Buffer, start: number, end: number, out: Buffer, to: number): number {
  const literals = end - start;
  let target = to;
  out[target++] = Math.min(literals, 15) << 4;
  if (literals >= 15) target = writeRest(out, target, literals - 15);
  copyLiterals(data, start, out, target, literals);
  return target + literals;
}

function writeRest(out: Buffer, to: number, rest: number): number {
  let target = to;
  let left = rest;
  for (; left >= 255; left -= 255) out[target++] = 255;
  out[target++] = left;
  return target;
}
