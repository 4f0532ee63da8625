import { copyLiterals, int32le, SHORTEST_BULK_COPY } from './copy.ts';
import { malformed, tooLarge } from './error.ts';

/** Snappy's raw block format (google/snappy, format_description.txt). */

/**
 * The encoder looks for matches inside pieces of this size only, so that a 16-bit distance reaches
 * everything.
 */
const PIECE_BYTES = 64 * 1024;

/** Entries of the encoder's hash table: 2^14, snappy's own choice. */
const HASH_BITS = 14;
const HASH_MULTIPLIER = 0x1e35a7bd;

/**
 * The encoder stops searching this close to the end, so that its four-byte reads need no bounds
 * check.
 */
const TAIL_BYTES = 15;

/**
 * A three-byte copy decodes to at most 64 bytes, the largest expansion. A larger announced length
 * is refused before it is allocated.
 */
const MAX_GROWTH = 22;

const LITERAL = 0;
const COPY_1 = 1;
const COPY_2 = 2;

/** Decodes one raw block. Throws CompressionError. */
export function decodeSnappyBlock(data: Buffer, maxBytes: number): Buffer {
  const { length, position } = readSnappyLength(data, 0, data.length);
  if (length > maxBytes) throw tooLarge('snappy', maxBytes);
  const block = new SnappyBlock(data, position, data.length, Buffer.allocUnsafe(length), length);
  block.advance(length);
  return block.out;
}

/**
 * A raw block that is decoded step by step. Copies may reach back to its beginning, so its whole
 * output is kept.
 */
export class SnappyBlock {
  readonly out: Buffer;
  readonly #data: Buffer;
  readonly #end: number;
  readonly #length: number;
  #at: number;
  #to = 0;

  /**
   * The elements of a block in `data[start, end)`, which decodes to `length` bytes; `out` has room
   * for them.
   */
  constructor(data: Buffer, start: number, end: number, out: Buffer, length: number) {
    this.#data = data;
    this.#at = start;
    this.#end = end;
    this.out = out;
    this.#length = length;
  }

  /**
   * Decodes until there are at least `until` bytes, or to the end; returns how many there are.
   * Throws CompressionError.
   */
  advance(until: number): number {
    const data = this.#data;
    const end = this.#end;
    const out = this.out;
    const length = this.#length;
    let at = this.#at;
    let to = this.#to;
    while (at < end && (to < until || until >= length)) {
      const tag = data[at++]!;
      const kind = tag & 3;
      let count = (tag >>> 2) + 1;
      if (kind === LITERAL) {
        if (count > 60) {
          const extra = count - 60;
          if (at + extra > end) throw malformed('snappy literal length is cut off');
          count = data.readUIntLE(at, extra) + 1;
          at += extra;
        }
        if (count > end - at || count > length - to) throw malformed('snappy literal overruns the block');
        if (count >= SHORTEST_BULK_COPY) {
          data.copy(out, to, at, at + count);
          at += count;
          to += count;
        } else {
          for (const stop = at + count; at < stop; ) out[to++] = data[at++]!;
        }
      } else {
        let distance: number;
        if (kind === COPY_1) {
          if (at + 1 > end) throw malformed('snappy copy is cut off');
          count = ((tag >>> 2) & 7) + 4;
          distance = ((tag >>> 5) << 8) | data[at]!;
          at += 1;
        } else if (kind === COPY_2) {
          if (at + 2 > end) throw malformed('snappy copy is cut off');
          distance = data[at]! | (data[at + 1]! << 8);
          at += 2;
        } else {
          if (at + 4 > end) throw malformed('snappy copy is cut off');
          distance = int32le(data, at) >>> 0;
          at += 4;
        }
        if (distance === 0 || distance > to) throw malformed('snappy copy reaches before the block');
        if (count > length - to) throw malformed('snappy copy overruns the block');
        let from = to - distance;
        if (count >= SHORTEST_BULK_COPY && distance >= count) {
          out.copyWithin(to, from, from + count);
          to += count;
        } else {
          for (const stop = to + count; to < stop; ) out[to++] = out[from++]!;
        }
      }
    }
    if (at === end && to !== length) throw malformed(`snappy block gave ${to} bytes instead of ${length}`);
    this.#at = at;
    this.#to = to;
    return to;
  }
}

/**
 * The announced length of the block in `data[start, end)`, and the position of its elements. Throws
 * CompressionError.
 */
export function readSnappyLength(data: Buffer, start: number, end: number): { length: number; position: number } {
  let length = 0;
  for (let i = 0; i < 5 && start + i < end; i++) {
    const byte = data[start + i]!;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) {
      if (length > 0xffff_ffff) break;
      if (length > (end - start) * MAX_GROWTH) {
        throw malformed('snappy block claims more bytes than its size can give');
      }
      return { length, position: start + i + 1 };
    }
  }
  throw malformed('snappy block has no valid length');
}

/** Encodes `data` as one raw block. */
export function encodeSnappyBlock(data: Buffer): Buffer {
  const out = Buffer.allocUnsafe(maxBlockBytes(data.length));
  let to = writeLength(out, data.length);
  const table = new Uint16Array(1 << HASH_BITS);
  for (let start = 0; start < data.length; start += PIECE_BYTES) {
    if (start > 0) table.fill(0);
    to = encodePiece(data, start, Math.min(start + PIECE_BYTES, data.length), table, out, to);
  }
  return Buffer.from(out.subarray(0, to));
}

/** Snappy's own bound: all literals, with the tags of their runs. */
function maxBlockBytes(length: number): number {
  return 32 + length + Math.ceil(length / 6);
}

function encodePiece(data: Buffer, start: number, end: number, table: Uint16Array, out: Buffer, to: number): number {
  let pending = start;
  let target = to;
  const limit = end - TAIL_BYTES;
  let at = start + 1;
  // Steps grow while nothing matches, so that incompressible data is skipped quickly.
  let missed = 32;
  while (at < limit) {
    const word = int32le(data, at);
    const slot = Math.imul(word, HASH_MULTIPLIER) >>> (32 - HASH_BITS);
    const candidate = start + table[slot]!;
    table[slot] = at - start;
    if (candidate >= at || int32le(data, candidate) !== word) {
      at += missed++ >>> 5;
      continue;
    }
    missed = 32;
    let length = 4;
    while (at + length < end && data[at + length] === data[candidate + length]) length++;
    if (pending < at) target = writeLiteral(data, pending, at, out, target);
    target = writeCopy(out, target, at - candidate, length);
    at += length;
    pending = at;
    if (at < limit) table[Math.imul(int32le(data, at - 1), HASH_MULTIPLIER) >>> (32 - HASH_BITS)] = at - 1 - start;
  }
  return pending < end ? writeLiteral(data, pending, end, out, target) : target;
}

function writeLength(out: Buffer, length: number): number {
  let rest = length;
  let to = 0;
  for (; rest >= 0x80; rest >>>= 7) out[to++] = (rest & 0x7f) | 0x80;
  out[to++] = rest;
  return to;
}

function writeLiteral(data: Buffer, start: number, end: number, out: Buffer, to: number): number {
  const length = end - start;
  const last = length - 1;
  let target = to;
  if (last < 60) {
    out[target++] = (last << 2) | LITERAL;
  } else if (last < 0x100) {
    out[target++] = (60 << 2) | LITERAL;
    out[target++] = last;
  } else {
    // A piece has at most 2^16 bytes, so two bytes of length are always enough.
    out[target++] = (61 << 2) | LITERAL;
    out[target++] = last & 0xff;
    out[target++] = last >>> 8;
  }
  copyLiterals(data, start, out, target, length);
  return target + length;
}

function writeCopy(out: Buffer, to: number, distance: number, length: number): number {
  let rest = length;
  let target = to;
  while (rest > 0) {
    // A copy of fewer than four bytes has no short form: 65 to 67 are split as 60 and the rest.
    const now = rest >= 68 ? 64 : rest > 64 ? 60 : rest;
    if (now < 12 && now >= 4 && distance < 2048) {
      out[target++] = ((distance >>> 8) << 5) | ((now - 4) << 2) | COPY_1;
      out[target++] = distance & 0xff;
    } else {
      out[target++] = ((now - 1) << 2) | COPY_2;
      out[target++] = distance & 0xff;
      out[target++] = distance >>> 8;
    }
    rest -= now;
  }
  return target;
}
