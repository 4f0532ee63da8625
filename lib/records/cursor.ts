import { type BatchHeader, timestampType } from './batch.ts';
import { CorruptRecordError } from './error.ts';

const MAX_VARINT_BYTES = 5;
const MAX_VARLONG_BYTES = 10;

/**
 * Steps through the uncompressed records of a batch (Kafka's DefaultRecord) and checks each
 * record's whole structure without copying or allocating. After `next()` returned true, the fields
 * describe the current record; positions are in `payload`, and a length of -1 is null.
 */
export class RecordCursor {
  readonly payload: Buffer;
  private readonly header: BatchHeader;
  private readonly timestampOfAll: number | undefined;
  private position = 0;
  private limit: number;

  /** Number of records so far, the current one included. */
  passed = 0;
  /** Positions of the record behind its size, and of its offset delta. */
  recordStart = 0;
  deltaStart = 0;
  deltaEnd = 0;
  offsetDelta = 0;
  timestamp = 0;
  keyStart = 0;
  keyLength = -1;
  valueStart = 0;
  valueLength = -1;
  headerCount = 0;
  headersStart = 0;

  constructor(payload: Buffer, header: BatchHeader) {
    this.payload = payload;
    this.header = header;
    this.timestampOfAll = timestampType(header.attributes) === 'LogAppendTime' ? header.maxTimestamp : undefined;
    this.limit = payload.length;
  }

  get offset(): number {
    return this.header.baseOffset + this.offsetDelta;
  }

  /** Where the record ends. */
  get recordEnd(): number {
    return this.limit;
  }

  /** Goes to the next record; false behind the last. Throws CorruptRecordError. */
  next(): boolean {
    this.limit = this.payload.length;
    if (this.passed >= this.header.recordCount) {
      if (this.position !== this.limit) throw new CorruptRecordError('batch has more records than it counts');
      return false;
    }
    if (this.position === this.limit) throw new CorruptRecordError('batch has fewer records than it counts');
    const size = this.varint();
    if (size < 1 || size > this.limit - this.position) throw new CorruptRecordError(`record claims ${size} bytes`);
    this.recordStart = this.position;
    this.limit = this.position + size;
    this.passed++;
    // Attributes: no bit is in use.
    this.position++;
    const timestampDelta = this.varlong();
    this.timestamp = this.timestampOfAll ?? this.header.baseTimestamp + timestampDelta;
    this.deltaStart = this.position;
    this.offsetDelta = this.varint();
    this.deltaEnd = this.position;
    this.keyLength = this.field();
    this.keyStart = this.position - Math.max(this.keyLength, 0);
    this.valueLength = this.field();
    this.valueStart = this.position - Math.max(this.valueLength, 0);
    this.headerCount = this.varint();
    this.headersStart = this.position;
    if (this.headerCount < 0) throw new CorruptRecordError(`record claims ${this.headerCount} headers`);
    for (let i = 0; i < this.headerCount; i++) {
      if (this.field() < 0) throw new CorruptRecordError('record header has no key');
      this.field();
    }
    if (this.position !== this.limit) throw new CorruptRecordError('record is longer than its fields');
    return true;
  }

  /**
   * Calls back with the start and length of each header's key and value, a length of -1 for null.
   */
  eachHeader(visit: (keyStart: number, keyLength: number, valueStart: number, valueLength: number) => void): void {
    const end = this.position;
    this.position = this.headersStart;
    for (let i = 0; i < this.headerCount; i++) {
      const keyLength = this.field();
      const keyStart = this.position - keyLength;
      const valueLength = this.field();
      visit(keyStart, keyLength, this.position - Math.max(valueLength, 0), valueLength);
    }
    this.position = end;
  }

  /**
   * Skips a length and as many bytes. Returns the length; -1 for any negative one, which is null,
   * as in Kafka.
   */
  private field(): number {
    const length = this.varint();
    if (length < 0) return -1;
    if (length > this.limit - this.position) throw new CorruptRecordError('record field is cut off');
    this.position += length;
    return length;
  }

  private byte(): number {
    if (this.position >= this.limit) throw new CorruptRecordError('record is cut off');
    return this.payload[this.position++]!;
  }

  private varint(): number {
    let raw = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = this.byte();
      raw |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1);
    }
    throw new CorruptRecordError('record has a number of more than 32 bits');
  }

  private varlong(): number {
    let sign = 0;
    let half = 0;
    let unit = 0.5;
    for (let i = 0; i < MAX_VARLONG_BYTES; i++) {
      const byte = this.byte();
      if (i === 0) {
        // The lowest bit is the sign; halving the rest from the start keeps it within what a double
        // carries.
        sign = byte & 1;
        half = (byte & 0x7e) * unit;
      } else {
        half += (byte & 0x7f) * unit;
      }
      if (byte < 0x80) return Math.min(half, Number.MAX_SAFE_INTEGER - sign) * (1 - 2 * sign) - sign;
      unit *= 128;
    }
    throw new CorruptRecordError('record has a number of more than 64 bits');
  }
}
