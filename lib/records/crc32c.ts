/** The Castagnoli polynomial, bits reversed (RFC 3720, appendix B.4). */
const POLYNOMIAL = 0x82f63b78;

/** Bytes per step. */
const STEP = 16;

/** Below this, making a view of the words costs more than reading words saves. */
const SHORTEST_FOR_WORDS = 256;

/**
 * The words are read in the machine's byte order; the loop over them is written for little-endian
 * machines.
 */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Entry `n << 8 | v` is the contribution of byte v when n zero bytes follow it, so that the bytes
 * of one step do not depend on each other (Kounavis and Berry, slicing-by-N). One table under one
 * local name is 1.5 times as fast in V8 as sixteen tables, bundled or not.
 */
const CONTRIBUTIONS = buildContributions();

function buildContributions(): Int32Array {
  const table = new Int32Array(STEP * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[value] = crc;
  }
  for (let at = 256; at < table.length; at++) {
    const crc = table[at - 256]!;
    table[at] = (crc >>> 8) ^ table[crc & 0xff]!;
  }
  return table;
}

/**
 * CRC-32C of `buffer[start, end)` as an unsigned 32-bit number. `seed` is the checksum of the bytes
 * before it: `crc32c(b, 0, b.length, crc32c(a))` is the checksum of a followed by b.
 */
export function crc32c(buffer: Uint8Array, start = 0, end = buffer.length, seed = 0): number {
  const run = LITTLE_ENDIAN && end - start >= SHORTEST_FOR_WORDS ? overWords : overBytes;
  return ~run(buffer, start, end, ~seed) >>> 0;
}

function overBytes(buffer: Uint8Array, start: number, end: number, state: number): number {
  const table = CONTRIBUTIONS;
  let crc = state;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    const word = crc ^ (buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16) | (buffer[at + 3]! << 24));
    crc =
      table[0x700 | (word & 0xff)]! ^
      table[0x600 | ((word >>> 8) & 0xff)]! ^
      table[0x500 | ((word >>> 16) & 0xff)]! ^
      table[0x400 | (word >>> 24)]! ^
      table[0x300 | buffer[at + 4]!]! ^
      table[0x200 | buffer[at + 5]!]! ^
      table[0x100 | buffer[at + 6]!]! ^
      table[buffer[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ table[(crc ^ buffer[at]!) & 0xff]!;
  return crc;
}

function overWords(buffer: Uint8Array, start: number, end: number, state: number): number {
  const table = CONTRIBUTIONS;
  const aligned = start + (-(buffer.byteOffset + start) & 3);
  let crc = overBytes(buffer, start, aligned, state);
  const words = new Int32Array(buffer.buffer, buffer.byteOffset + aligned, ((end - aligned) >>> 4) * 4);
  const count = words.length;
  for (let at = 0; at < count; at += 4) {
    const a = crc ^ words[at]!;
    const b = words[at + 1]!;
    const c = words[at + 2]!;
    const d = words[at + 3]!;
    crc =
      table[0xf00 | (a & 0xff)]! ^
      table[0xe00 | ((a >>> 8) & 0xff)]! ^
      table[0xd00 | ((a >>> 16) & 0xff)]! ^
      table[0xc00 | (a >>> 24)]! ^
      table[0xb00 | (b & 0xff)]! ^
      table[0xa00 | ((b >>> 8) & 0xff)]! ^
      table[0x900 | ((b >>> 16) & 0xff)]! ^
      table[0x800 | (b >>> 24)]! ^
      table[0x700 | (c & 0xff)]! ^
      table[0x600 | ((c >>> 8) & 0xff)]! ^
      table[0x500 | ((c >>> 16) & 0xff)]! ^
      table[0x400 | (c >>> 24)]! ^
      table[0x300 | (d & 0xff)]! ^
      table[0x200 | ((d >>> 8) & 0xff)]! ^
      table[0x100 | ((d >>> 16) & 0xff)]! ^
      table[d >>> 24]!;
  }
  return overBytes(buffer, aligned + count * 4, end, crc);
}
