import type { Uuid } from '../core/uuid.ts';
import { EncodeError } from './errors.ts';
import { BLOCK_BYTES_MAX, COPY_BYTES_MAX, FIRST_BLOCK_BYTES, LENGTH_MAX, STRING_BYTES_MAX } from './limits.ts';

/** Record batches to write: in one piece, in several, or none. */
export type RecordsInput = Buffer | readonly Buffer[] | null;

const UUID_BYTES = 16;
const UVARINT_BYTES_MAX = 5;
const VARLONG_BYTES_MAX = 10;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Writes Kafka's primitive types into a list of chunks. Byte fields above COPY_BYTES_MAX are kept
 * by reference: the caller must not change them until the chunks are sent. Numbers outside their
 * type's range, and text that UTF-8 cannot represent, throw EncodeError: nothing is truncated or
 * replaced.
 */
export class Writer {
  private readonly done: Buffer[] = [];
  private doneBytes = 0;
  private block: Buffer;
  private position = 0;
  private blockBytes: number;

  constructor(firstBlockBytes = FIRST_BLOCK_BYTES) {
    this.blockBytes = firstBlockBytes;
    this.block = Buffer.allocUnsafe(firstBlockBytes);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.doneBytes + this.position;
  }

  /** The written chunks, to send in order. The Writer cannot be used afterwards. */
  finish(): Buffer[] {
    this.closeBlock();
    return this.done;
  }

  /** The written bytes, in one piece. The Writer cannot be used afterwards. */
  toBuffer(): Buffer {
    const chunks = this.finish();
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, this.doneBytes);
  }

  private closeBlock(): void {
    if (this.position === 0) return;
    this.push(this.block.subarray(0, this.position));
    this.block = this.block.subarray(this.position);
    this.position = 0;
  }

  private push(chunk: Buffer): void {
    this.done.push(chunk);
    this.doneBytes += chunk.length;
  }

  private reserve(bytes: number): number {
    const start = this.position;
    if (bytes <= this.block.length - start) {
      this.position = start + bytes;
      return start;
    }
    this.closeBlock();
    this.blockBytes = Math.min(this.blockBytes * 2, BLOCK_BYTES_MAX);
    this.block = Buffer.allocUnsafe(Math.max(this.blockBytes, bytes));
    this.position = bytes;
    return 0;
  }

  bool(value: boolean): void {
    const at = this.reserve(1);
    this.block[at] = value ? 1 : 0;
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) throw outOfRange(value, 'int8');
    const at = this.reserve(1);
    this.block[at] = value;
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) throw outOfRange(value, 'int16');
    const at = this.reserve(2);
    this.block.writeInt16BE(value, at);
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) throw outOfRange(value, 'uint16');
    const at = this.reserve(2);
    this.block.writeUInt16BE(value, at);
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw outOfRange(value, 'int32');
    const at = this.reserve(4);
    this.block.writeInt32BE(value, at);
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw outOfRange(value, 'uint32');
    const at = this.reserve(4);
    this.block.writeUInt32BE(value, at);
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) throw outOfRange(value, 'int64');
    const at = this.reserve(8);
    this.block.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.block.writeUInt32BE(value >>> 0, at + 4);
  }

  float64(value: number): void {
    if (typeof value !== 'number') throw outOfRange(value, 'float64');
    const at = this.reserve(8);
    this.block.writeDoubleBE(value, at);
  }

  uuid(value: Uuid): void {
    const at = this.reserve(UUID_BYTES);
    if (value.length !== 22 || this.block.write(value, at, UUID_BYTES, 'base64url') !== UUID_BYTES) {
      throw new EncodeError(`not a uuid: ${value}`);
    }
  }

  uvarint(value: number): void {
    if (value >>> 0 !== value) throw outOfRange(value, 'uvarint');
    let at = this.reserve(UVARINT_BYTES_MAX);
    let rest = value;
    while (rest > 0x7f) {
      this.block[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.block[at++] = rest;
    this.position = at;
  }

  varint(value: number): void {
    if ((value | 0) !== value) throw outOfRange(value, 'varint');
    this.uvarint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  varlong(value: number): void {
    if (!Number.isSafeInteger(value)) throw outOfRange(value, 'varlong');
    let at = this.reserve(VARLONG_BYTES_MAX);
    const magnitude = value < 0 ? -(value + 1) : value;
    // The zigzag form needs 54 bits, one more than a double holds, so its lowest bit is written
    // separately.
    let group = (magnitude % 64) * 2 + (value < 0 ? 1 : 0);
    let rest = Math.floor(magnitude / 64);
    while (rest > 0) {
      this.block[at++] = group | 0x80;
      group = rest % 128;
      rest = Math.floor(rest / 128);
    }
    this.block[at++] = group;
    this.position = at;
  }

  /** Bytes without a length. */
  raw(value: Buffer): void {
    if (value.length > COPY_BYTES_MAX) {
      this.closeBlock();
      this.push(value);
      return;
    }
    const at = this.reserve(value.length);
    value.copy(this.block, at);
  }

  /** Written like null: length -1 in the old form, 0 in the compact one. */
  nullLength(compact: boolean): void {
    if (compact) this.uvarint(0);
    else this.int32(-1);
  }

  /** The length of bytes or of an array. */
  lengthOf(length: number, compact: boolean): void {
    if (length > LENGTH_MAX) throw new EncodeError(`too long: ${length}`);
    if (compact) this.uvarint(length + 1);
    else this.int32(length);
  }

  string(value: string): void {
    const bytes = textBytes(value);
    this.int16(bytes);
    this.text(value, bytes);
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }

  compactString(value: string): void {
    const bytes = textBytes(value);
    this.uvarint(bytes + 1);
    this.text(value, bytes);
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0);
    else this.compactString(value);
  }

  private text(value: string, bytes: number): void {
    const at = this.reserve(bytes);
    this.block.write(value, at, bytes, 'utf8');
  }

  bytes(value: Buffer, compact = false): void {
    this.lengthOf(value.length, compact);
    this.raw(value);
  }

  nullableBytes(value: Buffer | null, compact = false): void {
    if (value === null) this.nullLength(compact);
    else this.bytes(value, compact);
  }

  records(value: RecordsInput, compact = false): void {
    if (value === null || Buffer.isBuffer(value)) {
      this.nullableBytes(value, compact);
      return;
    }
    let length = 0;
    for (const piece of value) length += piece.length;
    this.lengthOf(length, compact);
    for (const piece of value) this.raw(piece);
  }
}

function textBytes(value: string): number {
  const bytes = Buffer.byteLength(value);
  if (bytes > STRING_BYTES_MAX) throw new EncodeError(`a string of ${bytes} bytes; at most ${STRING_BYTES_MAX} fit`);
  if (bytes !== value.length && LONE_SURROGATE.test(value)) throw new EncodeError('a string with half a character');
  return bytes;
}

function outOfRange(value: unknown, type: string): EncodeError {
  return new EncodeError(`not in the range of ${type}: ${String(value)}`);
}
