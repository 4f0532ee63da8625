import { SHORTEST_BULK_COPY } from './copy.ts';
import { malformed, tooLarge } from './error.ts';
import type { Output } from './output.ts';
import { ReverseBits } from './zstd-bits.ts';
import { MAX_ZSTD_BLOCK_BYTES } from './zstd-frame.ts';
import { type FseTable, fseTable, fseTableOfOne, nextState, readFseTable } from './zstd-fse.ts';
import type { Literals } from './zstd-literals.ts';

/**
 * The second half of a compressed zstd block: sequences of literals and matches (RFC 8878,
 * 3.1.1.3.2 to 3.1.1.5).
 */

/** One kind of code: its meaning, and the allowed forms of its table. */
interface CodeKind {
  readonly maxSymbol: number;
  readonly maxAccuracy: number;
  readonly predefined: FseTable;
}

const PREDEFINED = 0;
const ONE_SYMBOL = 1;
const DESCRIBED = 2;

/** Repeats each value by its count, pair by pair. */
function runs(...pairs: readonly (readonly [value: number, times: number])[]): number[] {
  return pairs.flatMap(([value, times]) => Array<number>(times).fill(value));
}

function kind(maxAccuracy: number, accuracy: number, shares: number[], maxSymbol = shares.length - 1): CodeKind {
  return { maxSymbol, maxAccuracy, predefined: fseTable(shares, accuracy) };
}

const LITERAL_LENGTHS = kind(9, 6, runs([4, 1], [3, 1], [2, 11], [1, 3], [2, 9], [3, 1], [2, 1], [1, 5], [-1, 4]));
const MATCH_LENGTHS = kind(9, 6, runs([1, 1], [4, 1], [3, 1], [2, 6], [1, 37], [-1, 7]));
/** Offsets of more than 30 bits exceed every accepted window. */
const OFFSETS = kind(8, 5, runs([1, 6], [2, 3], [1, 15], [-1, 5]), 30);

const LITERAL_LENGTH_BITS = runs([0, 16], [1, 4], [2, 2], [3, 2], [4, 1]).concat([
  6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
const MATCH_LENGTH_BITS = runs([0, 32], [1, 4], [2, 2], [3, 2], [4, 2], [5, 1]).concat([
  7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
]);
const LITERAL_LENGTH_BASES = bases(LITERAL_LENGTH_BITS, 0);
const MATCH_LENGTH_BASES = bases(MATCH_LENGTH_BITS, 3);

/** Each code begins where the one before it ends. */
function bases(bits: readonly number[], first: number): number[] {
  let next = first;
  return bits.map((count) => {
    const base = next;
    next += 2 ** count;
    return base;
  });
}

/** State that a block of a frame passes to the next. */
export interface SequenceState {
  /** The last three distances, newest first. */
  readonly distances: [number, number, number];
  literalLengths: FseTable | undefined;
  offsets: FseTable | undefined;
  matchLengths: FseTable | undefined;
}

export function newSequenceState(): SequenceState {
  return { distances: [1, 4, 8], literalLengths: undefined, offsets: undefined, matchLengths: undefined };
}

/**
 * Executes the sequences in `data[literals.position, end)` of one block. `output` holds the frame's
 * decoded bytes so far. Throws CompressionError.
 */
export function runSequences(
  data: Buffer,
  end: number,
  literals: Literals,
  state: SequenceState,
  output: Output,
): void {
  const { count, position } = readCount(data, literals.position, end);
  const limit = output.reserve(MAX_ZSTD_BLOCK_BYTES);
  const noRoom = (): Error =>
    limit < output.length + MAX_ZSTD_BLOCK_BYTES
      ? tooLarge('zstd', output.maxBytes)
      : malformed('zstd block gives more than a block may');
  const out = output.bytes;
  let to = output.length;
  let literal = 0;
  if (count === 0) {
    if (position !== end) throw malformed('zstd block goes on behind its literals');
  } else {
    const bits = new ReverseBits(data, readTables(data, position, end, state), end);
    const literalLengths = state.literalLengths!;
    const offsets = state.offsets!;
    const matchLengths = state.matchLengths!;
    let literalState = bits.read(literalLengths.accuracy);
    let offsetState = bits.read(offsets.accuracy);
    let matchState = bits.read(matchLengths.accuracy);
    for (let left = count; left > 0; left--) {
      const offsetCode = offsets.symbols[offsetState]!;
      const matchCode = matchLengths.symbols[matchState]!;
      const literalCode = literalLengths.symbols[literalState]!;
      const offset = (1 << offsetCode) + bits.read(offsetCode);
      let matchLength = MATCH_LENGTH_BASES[matchCode]! + bits.read(MATCH_LENGTH_BITS[matchCode]!);
      const literalLength = LITERAL_LENGTH_BASES[literalCode]! + bits.read(LITERAL_LENGTH_BITS[literalCode]!);
      if (left > 1) {
        literalState = nextState(literalLengths, literalState, bits);
        matchState = nextState(matchLengths, matchState, bits);
        offsetState = nextState(offsets, offsetState, bits);
      }
      if (bits.left < 0) throw malformed('zstd sequences are cut off');

      if (literalLength > literals.length - literal)
        throw malformed('zstd sequence takes more literals than there are');
      if (literalLength + matchLength > limit - to) throw noRoom();
      to = append(literals.bytes, literal, literalLength, out, to);
      literal += literalLength;
      const distance = distanceOf(offset, literalLength, state.distances);
      if (distance <= 0 || distance > to) throw malformed('zstd match reaches before its data');
      let from = to - distance;
      if (matchLength >= SHORTEST_BULK_COPY && distance >= matchLength) {
        out.copyWithin(to, from, from + matchLength);
        to += matchLength;
      } else {
        for (; matchLength > 0; matchLength--) out[to++] = out[from++]!;
      }
    }
    if (bits.left !== 0) throw malformed('zstd sequences do not end with their bits');
  }
  const rest = literals.length - literal;
  if (rest > limit - to) throw noRoom();
  output.length = append(literals.bytes, literal, rest, out, to);
}

function append(from: Buffer, start: number, length: number, out: Buffer, to: number): number {
  if (length >= SHORTEST_BULK_COPY) {
    from.copy(out, to, start, start + length);
  } else {
    for (let i = 0; i < length; i++) out[to + i] = from[start + i]!;
  }
  return to + length;
}

/**
 * The distance of an offset code, which may be one of the last three; becomes the newest of them.
 */
function distanceOf(offset: number, literalLength: number, recent: [number, number, number]): number {
  if (offset > 3) {
    recent[2] = recent[1];
    recent[1] = recent[0];
    recent[0] = offset - 3;
    return recent[0];
  }
  const which = offset - (literalLength > 0 ? 1 : 0);
  if (which === 0) return recent[0];
  const distance = which === 3 ? recent[0] - 1 : recent[which]!;
  if (which > 1) recent[2] = recent[1];
  recent[1] = recent[0];
  recent[0] = distance;
  return distance;
}

function readCount(data: Buffer, start: number, end: number): { count: number; position: number } {
  const first = data[start]!;
  const size = first < 128 ? 1 : first < 255 ? 2 : 3;
  if (size > end - start) throw malformed('zstd block has no sequences');
  if (size === 1) return { count: first, position: start + 1 };
  if (size === 2) return { count: ((first - 128) << 8) + data[start + 1]!, position: start + 2 };
  return { count: data.readUInt16LE(start + 1) + 0x7f00, position: start + 3 };
}

/** Reads the three tables into `state`; returns where the bits begin. */
function readTables(data: Buffer, start: number, end: number, state: SequenceState): number {
  if (start >= end) throw malformed('zstd block has no tables');
  const modes = data[start]!;
  if ((modes & 3) !== 0) throw malformed('zstd block uses reserved bits');
  let at = start + 1;
  const read = (
    mode: number,
    { maxAccuracy, maxSymbol, predefined }: CodeKind,
    before: FseTable | undefined,
  ): FseTable => {
    if (mode === PREDEFINED) return predefined;
    if (mode === ONE_SYMBOL) {
      const symbol = at < end ? data[at++]! : Number.POSITIVE_INFINITY;
      if (symbol > maxSymbol) throw malformed('zstd table has an unknown symbol');
      return fseTableOfOne(symbol);
    }
    if (mode === DESCRIBED) {
      const { table, position } = readFseTable(data, at, end, maxAccuracy, maxSymbol);
      at = position;
      return table;
    }
    if (before === undefined) throw malformed('zstd block refers to a table that is not there');
    return before;
  };
  state.literalLengths = read(modes >>> 6, LITERAL_LENGTHS, state.literalLengths);
  state.offsets = read((modes >>> 4) & 3, OFFSETS, state.offsets);
  state.matchLengths = read((modes >>> 2) & 3, MATCH_LENGTHS, state.matchLengths);
  return at;
}
