import { assert } from './assert.ts';

/**
 * Tidelog's own compact binary form for entries and checkpoints: unsigned LEB128 numbers, zig-zag
 * for signed ones, length-prefixed strings and bytes. Kafka's wire format is in lib/wire.
 */
export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + count));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 - 1. */
  uint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `not an unsigned whole number: ${value}`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#length++] = rest;
  }

  /** A whole number from -(2^52) to 2^52 - 1. Values outside are clamped to that range. */
  int(value: number): void {
    assert(Number.isInteger(value), `not a whole number: ${value}`);
    const bounded = Math.min(Math.max(value, -MAX_SIGNED), MAX_SIGNED - 1);
    this.uint(bounded >= 0 ? bounded * 2 : -bounded * 2 - 1);
  }

  string(value: string): void {
    this.bytes(Buffer.from(value, 'utf8'));
  }

  bytes(value: Buffer): void {
    this.uint(value.length);
    this.raw(value);
  }

  /** Bytes without a length before them. */
  raw(value: Buffer): void {
    this.#reserve(value.length);
    value.copy(this.#buffer, this.#length);
    this.#length += value.length;
  }

  /** Returns the bytes written, without a copy. The writer must not be used afterwards. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

const MAX_SIGNED = 2 ** 52;

/** Stored bytes that cannot be decoded: truncated, or of another format. */
export class MalformedBytesError extends Error {
  override readonly name = 'MalformedBytesError';
}

/** Reads the output of ByteWriter. Throws MalformedBytesError. */
export class ByteReader {
  readonly #buffer: Buffer;
  #position: number;

  constructor(buffer: Buffer, position = 0) {
    this.#buffer = buffer;
    this.#position = position;
  }

  get remaining(): number {
    return this.#buffer.length - this.#position;
  }

  u8(): number {
    const value = this.#buffer[this.#position++];
    if (value === undefined) throw new MalformedBytesError('truncated');
    return value;
  }

  uint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      factor *= 0x80;
    }
    throw new MalformedBytesError('number too long');
  }

  int(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  string(): string {
    return this.bytes().toString('utf8');
  }

  /** A view of the bytes, not a copy. */
  bytes(): Buffer {
    return this.raw(this.uint());
  }

  raw(length: number): Buffer {
    if (length > this.remaining) throw new MalformedBytesError('truncated');
    const start = this.#position;
    this.#position += length;
    return this.#buffer.subarray(start, this.#position);
  }
}
