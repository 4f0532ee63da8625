import { malformed } from './error.ts';
import type { ReverseBits } from './zstd-bits.ts';

/**
 * Finite State Entropy, the coder of zstd's sequences and of its Huffman weights (RFC 8878, 4.1).
 */

export interface FseTable {
  /** Bits of a state. */
  readonly accuracy: number;
  /**
   * By state: its symbol, the number of bits to read for the next state, and the number to add to
   * them.
   */
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/** A share so small that its symbol gets one state at the table's end. */
const LESS_THAN_ONE = -1;

/** The table of shares that add up to 2^accuracy, LESS_THAN_ONE counting as one. */
export function fseTable(shares: readonly number[], accuracy: number): FseTable {
  const size = 1 << accuracy;
  const symbols = new Uint8Array(size);
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  const next = shares.map((share) => Math.abs(share));
  let end = size;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    if (shares[symbol] === LESS_THAN_ONE) symbols[--end] = symbol;
  }
  // The step is coprime to the size, so it visits every state once.
  const step = (size >>> 1) + (size >>> 3) + 3;
  let state = 0;
  for (let symbol = 0; symbol < shares.length; symbol++) {
    for (let i = 0; i < shares[symbol]!; i++) {
      symbols[state] = symbol;
      do state = (state + step) & (size - 1);
      while (state >= end);
    }
  }
  for (let i = 0; i < size; i++) {
    const x = next[symbols[i]!]!++;
    bits[i] = accuracy - (31 - Math.clz32(x));
    bases[i] = (x << bits[i]!) - size;
  }
  return { accuracy, symbols, bits, bases };
}

/** A table with a single symbol, which takes no bits. */
export function fseTableOfOne(symbol: number): FseTable {
  return { accuracy: 0, symbols: Uint8Array.of(symbol), bits: new Uint8Array(1), bases: new Uint16Array(1) };
}

/**
 * Reads a table's description, which begins at `start` and must end by `end`. Throws
 * CompressionError ('malformed').
 */
export function readFseTable(
  data: Buffer,
  start: number,
  end: number,
  maxAccuracy: number,
  maxSymbol: number,
): { table: FseTable; position: number } {
  let bit = 4;
  const peek = (count: number): number => {
    const at = start + (bit >>> 3);
    const word = at < end ? data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) : 0;
    return (word >>> (bit & 7)) & ((1 << count) - 1);
  };
  if (start >= end) throw malformed('zstd table is cut off');
  const accuracy = (data[start]! & 15) + 5;
  if (accuracy > maxAccuracy) throw malformed('zstd table is too accurate');
  const shares: number[] = [];
  let rest = 1 << accuracy;
  while (rest > 0) {
    if (shares.length > maxSymbol) throw malformed('zstd table has too many symbols');
    // A number up to rest + 1 takes its bits; the lower ones do with one bit less.
    const count = 32 - Math.clz32(rest + 1);
    const short = (1 << count) - 2 - rest;
    let value = peek(count);
    const low = value & ((1 << (count - 1)) - 1);
    if (low < short) {
      value = low;
      bit += count - 1;
    } else {
      if (value !== low) value -= short;
      bit += count;
    }
    const share = value - 1;
    shares.push(share);
    rest -= Math.abs(share);
    if (share !== 0) continue;
    for (let zeros = 3; zeros === 3 && shares.length <= maxSymbol; ) {
      zeros = peek(2);
      bit += 2;
      for (let i = 0; i < zeros; i++) shares.push(0);
    }
  }
  const position = start + ((bit + 7) >>> 3);
  if (rest < 0 || position > end || shares.length > maxSymbol + 1) throw malformed('zstd table does not add up');
  return { table: fseTable(shares, accuracy), position };
}

/** The state that follows. */
export function nextState(table: FseTable, state: number, bits: ReverseBits): number {
  return table.bases[state]! + bits.read(table.bits[state]!);
}
