import type { Uuid } from '../core/uuid.ts';
import { DecodeError } from './errors.ts';
import { INT64_MAX, INT64_MIN, STRING_BYTES_MAX } from './limits.ts';
import { decodeText } from './text.ts';

/** The most bytes that a UTF-16 code unit takes in UTF-8. */
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** The limits of a reader, shared with its sub-readers. */
interface Allowance {
  /** Array elements left, over all arrays; decremented while reading. */
  elements: number;
  /** The initial number. */
  readonly elementsMax: number;
}

function unbounded(): Allowance {
  return { elements: Number.POSITIVE_INFINITY, elementsMax: Number.POSITIVE_INFINITY };
}

/**
 * Reads Kafka's primitive types from one buffer, front to back, each checked against the bytes
 * left. Every method throws DecodeError, and nothing else, for truncated or invalid input. Text
 * that is not valid UTF-8 is valid input, see decodeText. Byte fields are views into the buffer,
 * not copies. The types are those of Kafka's protocol guide, "Protocol Primitive Types".
 */
export class Reader {
  readonly buffer: Buffer;
  private position: number;
  private readonly allowance: Allowance;

  /**
   * @param allowance array elements, over all arrays; more are a DecodeError. Decremented while
   *   reading.
   */
  constructor(buffer: Buffer, position = 0, allowance: Allowance = unbounded()) {
    this.buffer = buffer;
    this.position = position;
    this.allowance = allowance;
  }

  /** Position of the next byte, from the start of the buffer. */
  get offset(): number {
    return this.position;
  }

  get remaining(): number {
    return this.buffer.length - this.position;
  }

  /** A DecodeError at the next byte. */
  invalid(expected: string): DecodeError {
    return new DecodeError(this.position, expected);
  }

  /** Throws unless every byte was read. */
  end(): void {
    if (this.remaining > 0) throw this.invalid(`the end, not ${this.remaining} more bytes`);
  }

  /**
   * A reader of the next `length` bytes only, with offsets from the start of the whole buffer.
   * Skips them here.
   */
  window(length: number): Reader {
    const start = this.take(length, 'a section');
    return new Reader(this.buffer.subarray(0, this.position), start, this.allowance);
  }

  private take(bytes: number, what: string): number {
    const start = this.position;
    if (bytes > this.buffer.length - start) throw this.invalid(`${what} of ${bytes} bytes, not ${this.remaining}`);
    this.position = start + bytes;
    return start;
  }

  /** Any nonzero byte is true, as in Kafka. */
  bool(): boolean {
    return this.buffer[this.take(1, 'a bool')] !== 0;
  }

  int8(): number {
    return this.buffer.readInt8(this.take(1, 'an int8'));
  }

  int16(): number {
    return this.buffer.readInt16BE(this.take(2, 'an int16'));
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2, 'a uint16'));
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4, 'an int32'));
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4, 'a uint32'));
  }

  /** Saturates beyond ±(2^53 - 1): no valid offset, id or time is that large. */
  int64(): number {
    const start = this.take(8, 'an int64');
    const value = this.buffer.readInt32BE(start) * 0x1_0000_0000 + this.buffer.readUInt32BE(start + 4);
    return Math.min(Math.max(value, INT64_MIN), INT64_MAX);
  }

  float64(): number {
    return this.buffer.readDoubleBE(this.take(8, 'a float64'));
  }

  uuid(): Uuid {
    const start = this.take(16, 'a uuid');
    return this.buffer.toString('base64url', start, start + 16);
  }

  /** An unsigned number of at most 32 bits in groups of seven, lowest first. */
  uvarint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.buffer[this.take(1, 'a varint')]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    const last = this.buffer[this.take(1, 'a varint')]!;
    if (last > 0x0f) throw this.invalid('a varint of at most 32 bits');
    return (value | (last << 28)) >>> 0;
  }

  /** A signed 32-bit number, zigzag. */
  varint(): number {
    const value = this.uvarint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** A signed 64-bit number, zigzag; saturates as int64 does. */
  varlong(): number {
    // The magnitude (value >> 1) is summed as a double, which is exact unless it saturates.
    let byte = this.buffer[this.take(1, 'a varlong')]!;
    const negative = (byte & 1) === 1;
    let magnitude = (byte & 0x7f) >>> 1;
    let scale = 64;
    for (let length = 1; byte >= 0x80; length++) {
      byte = this.buffer[this.take(1, 'a varlong')]!;
      if (length === 9 && byte > 1) throw this.invalid('a varlong of at most 64 bits');
      magnitude += (byte & 0x7f) * scale;
      scale *= 128;
    }
    if (negative) return magnitude >= INT64_MAX ? INT64_MIN : -magnitude - 1;
    return Math.min(magnitude, INT64_MAX);
  }

  /** `length` bytes as a view into the buffer. */
  raw(length: number, what = 'bytes'): Buffer {
    const start = this.take(length, what);
    return this.buffer.subarray(start, start + length);
  }

  /**
   * A length in the compact form, which stores the length plus one; a signed 32-bit number, as
   * Kafka reads it.
   */
  private compactLength(): number {
    return (this.uvarint() - 1) | 0;
  }

  /**
   * The text of a string; null for any negative length, as in Kafka. Bytes and arrays do the same.
   */
  nullableString(): string | null {
    return this.text(this.int16());
  }

  string(): string {
    return this.nullableString() ?? this.refuseNull('a string');
  }

  compactString(): string {
    return this.compactNullableString() ?? this.refuseNull('a string');
  }

  compactNullableString(): string | null {
    return this.text(this.compactLength());
  }

  private text(length: number): string | null {
    if (length < 0) return null;
    if (length > STRING_BYTES_MAX) throw this.invalid(`a string of at most ${STRING_BYTES_MAX} bytes, not ${length}`);
    const start = this.take(length, 'a string');
    const text = decodeText(this.buffer, start, this.position);
    // Each replaced byte takes three when written. A string that was read must fit into an answer
    // that repeats it.
    if (text.length * UTF8_BYTES_PER_UNIT_MAX > STRING_BYTES_MAX && Buffer.byteLength(text) > STRING_BYTES_MAX) {
      const bytes = `${Buffer.byteLength(text)} with invalid ones replaced`;
      throw new DecodeError(start, `a string of at most ${STRING_BYTES_MAX} bytes, not ${bytes}`);
    }
    return text;
  }

  bytes(): Buffer {
    return this.nullableBytes() ?? this.refuseNull('bytes');
  }

  nullableBytes(): Buffer | null {
    return this.blob(this.int32());
  }

  compactBytes(): Buffer {
    return this.compactNullableBytes() ?? this.refuseNull('bytes');
  }

  compactNullableBytes(): Buffer | null {
    return this.blob(this.compactLength());
  }

  private blob(length: number): Buffer | null {
    return length < 0 ? null : this.raw(length);
  }

  /**
   * The number of elements of an array, null for a null array. `elementBytesMin` (at least 1) is
   * the least size of one element: a length that the bytes left cannot hold is refused before
   * anything is allocated for it.
   */
  arrayLength(elementBytesMin: number): number | null {
    return this.elements(this.int32(), elementBytesMin);
  }

  compactArrayLength(elementBytesMin: number): number | null {
    return this.elements(this.compactLength(), elementBytesMin);
  }

  private elements(length: number, elementBytesMin: number): number | null {
    if (length < 0) return null;
    if (length * elementBytesMin > this.remaining) {
      throw this.invalid(`an array that fits into ${this.remaining} bytes, not ${length} elements`);
    }
    this.allowance.elements -= length;
    if (this.allowance.elements < 0) {
      throw this.invalid(`at most ${this.allowance.elementsMax} elements in all arrays together, not ${length} more`);
    }
    return length;
  }

  private refuseNull(what: string): never {
    throw this.invalid(`${what}, not null`);
  }
}
