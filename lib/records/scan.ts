import { type BatchHeader, timestampType } from './batch.ts';
import { CorruptRecordError } from './error.ts';

const MAX_VARINT_BYTES = 5;
const MAX_VARLONG_BYTES = 10;

/** A byte of at least this value is not the last of its number. */
const LONG = 0x80;

/** The field of the next byte, for a record that spans pieces. */
const State = {
  size: 0,
  attributes: 1,
  timestamp: 2,
  offset: 3,
  key: 4,
  value: 5,
  headerCount: 6,
  headerKey: 7,
  headerValue: 8,
  end: 9,
} as const;
type StateId = (typeof State)[keyof typeof State];

/** Called for each record while the scan's fields describe it. */
export type RecordVisitor = (scan: RecordScan) => void;

/**
 * Reads the records of one batch from pieces of any size, and checks the structure of each as
 * RecordCursor does. Keys, values and headers are passed over without a copy, so memory does not
 * depend on how large they are.
 */
export class RecordScan {
  readonly #header: BatchHeader;
  readonly #visit: RecordVisitor;
  readonly #timestampOfAll: number | undefined;

  /** How many records were passed, the one that is visited included. */
  passed = 0;
  offsetDelta = 0;
  /** Ms. */
  timestamp = 0;
  /** Bytes; -1 for none. */
  keyLength = -1;
  /** Set by the visitor to skip the rest. */
  stopped = false;

  // State of a record that spans pieces, up to the next byte.
  #state: StateId = State.size;
  /** Remaining bytes of the record. */
  #left = 0;
  /** Bytes to skip before the state applies. */
  #skip = 0;
  #headersLeft = 0;
  /** The number being read, and its bytes so far. */
  #raw = 0;
  #digits = 0;
  #sign = 0;
  #half = 0;
  #unit = 0;

  /** Where the last number of more than one byte ended. */
  #at = 0;

  constructor(header: BatchHeader, visit: RecordVisitor) {
    if (header.recordCount < 0) throw new CorruptRecordError(`batch counts ${header.recordCount} records`);
    this.#header = header;
    this.#visit = visit;
    this.#timestampOfAll = timestampType(header.attributes) === 'LogAppendTime' ? header.maxTimestamp : undefined;
  }

  /** Reads the next bytes of the batch's records. Throws CorruptRecordError. */
  feed(piece: Buffer): void {
    const end = piece.length;
    let at = 0;
    while (at < end && !this.stopped) {
      if (this.#state === State.size && this.#digits === 0) at = this.#whole(piece, at, end);
      if (at < end && !this.stopped) at = this.#spread(piece, at, end);
    }
  }

  /** Call after the last bytes. Throws CorruptRecordError. */
  finish(): void {
    if (this.stopped) return;
    if (this.#state !== State.size || this.#digits > 0) throw new CorruptRecordError('record is cut off');
    if (this.passed < this.#header.recordCount) throw new CorruptRecordError('batch has fewer records than it counts');
  }

  /** Parses all complete records in the piece; returns the position of the first incomplete one. */
  #whole(piece: Buffer, start: number, end: number): number {
    const visit = this.#visit;
    const { recordCount, baseTimestamp } = this.#header;
    const timestampOfAll = this.#timestampOfAll;
    let record = start;
    while (record < end && !this.stopped) {
      if (this.passed === recordCount) throw tooMany();
      let at = record;
      let byte = piece[at++]!;
      let size = (byte >>> 1) ^ -(byte & 1);
      if (byte >= LONG) {
        // A size that is cut off may go on in the next piece.
        if (end - record < MAX_VARINT_BYTES && piece[end - 1]! >= LONG) return record;
        size = this.#varint(piece, record, end);
        at = this.#at;
      }
      if (size < 1) throw wrongSize(size);
      const limit = at + size;
      if (limit > end) return record;
      // Attributes: no bit is in use.
      at++;

      let delta: number;
      byte = at < limit ? piece[at]! : LONG;
      if (byte < LONG) {
        delta = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        delta = this.#varlong(piece, at, limit);
        at = this.#at;
      }
      byte = at < limit ? piece[at]! : LONG;
      if (byte < LONG) {
        this.offsetDelta = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        this.offsetDelta = this.#varint(piece, at, limit);
        at = this.#at;
      }
      let length: number;
      byte = at < limit ? piece[at]! : LONG;
      if (byte < LONG) {
        length = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        length = this.#varint(piece, at, limit);
        at = this.#at;
      }
      this.keyLength = length < 0 ? -1 : length;
      if (length > limit - at) throw fieldCutOff();
      if (length > 0) at += length;
      byte = at < limit ? piece[at]! : LONG;
      if (byte < LONG) {
        length = (byte >>> 1) ^ -(byte & 1);
        at++;
      } else {
        length = this.#varint(piece, at, limit);
        at = this.#at;
      }
      if (length > limit - at) throw fieldCutOff();
      if (length > 0) at += length;
      if (at < limit && piece[at] === 0) at++;
      else at = this.#headers(piece, at, limit);
      if (at !== limit) throw tooLong();
      this.timestamp = timestampOfAll ?? baseTimestamp + delta;
      this.passed++;
      visit(this);
      record = limit;
    }
    return record;
  }

  #headers(piece: Buffer, start: number, limit: number): number {
    const count = this.#varint(piece, start, limit);
    checkHeaderCount(count);
    for (let i = 0; i < count; i++) {
      const keyLength = this.#varint(piece, this.#at, limit);
      checkHeaderKey(keyLength);
      if (keyLength > limit - this.#at) throw fieldCutOff();
      const valueLength = this.#varint(piece, this.#at + keyLength, limit);
      if (valueLength > limit - this.#at) throw fieldCutOff();
      if (valueLength > 0) this.#at += valueLength;
    }
    return this.#at;
  }

  #varint(piece: Buffer, start: number, limit: number): number {
    let raw = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (start + i >= limit) throw cutOff();
      const byte = piece[start + i]!;
      raw |= (byte & 0x7f) << (7 * i);
      if (byte < LONG) {
        this.#at = start + i + 1;
        return (raw >>> 1) ^ -(raw & 1);
      }
    }
    throw tooManyBits();
  }

  #varlong(piece: Buffer, start: number, limit: number): number {
    let at = start;
    do {
      if (at >= limit) throw cutOff();
    } while (!this.#longDigit(piece[at++]!));
    this.#at = at;
    return this.#takeLong();
  }

  /** Continues a record that spans pieces, to its end or the piece's. */
  #spread(piece: Buffer, start: number, end: number): number {
    let at = start;
    for (;;) {
      if (this.#skip > 0) {
        const now = Math.min(this.#skip, end - at);
        this.#skip -= now;
        this.#left -= now;
        at += now;
        if (this.#skip > 0) return at;
      }
      if (this.#state === State.end) {
        if (this.#left !== 0) throw tooLong();
        this.#state = State.size;
        this.passed++;
        this.#visit(this);
        return at;
      }
      if (at === end) return at;
      this.#byte(piece[at++]!);
    }
  }

  #byte(byte: number): void {
    if (this.#state === State.size) {
      if (this.passed === this.#header.recordCount) throw tooMany();
      if (!this.#digit(byte)) return;
      this.#left = this.#take();
      if (this.#left < 1) throw wrongSize(this.#left);
      this.#state = State.attributes;
      return;
    }
    if (this.#left === 0) throw cutOff();
    this.#left--;
    if (this.#state === State.attributes) {
      this.#state = State.timestamp;
    } else if (this.#state === State.timestamp) {
      if (!this.#longDigit(byte)) return;
      this.timestamp = this.#timestampOfAll ?? this.#header.baseTimestamp + this.#takeLong();
      this.#state = State.offset;
    } else if (this.#digit(byte)) {
      this.#number(this.#take());
    }
  }

  /** A number inside the record is complete: continues with the next field. */
  #number(value: number): void {
    switch (this.#state) {
      case State.offset:
        this.offsetDelta = value;
        this.#state = State.key;
        return;
      case State.key:
        this.keyLength = value < 0 ? -1 : value;
        this.#pass(value, State.value);
        return;
      case State.value:
        this.#pass(value, State.headerCount);
        return;
      case State.headerCount:
        checkHeaderCount(value);
        this.#headersLeft = value;
        this.#state = value === 0 ? State.end : State.headerKey;
        return;
      case State.headerKey:
        checkHeaderKey(value);
        this.#pass(value, State.headerValue);
        return;
      case State.headerValue:
        this.#headersLeft--;
        this.#pass(value, this.#headersLeft === 0 ? State.end : State.headerKey);
    }
  }

  #pass(length: number, next: StateId): void {
    if (length > this.#left) throw fieldCutOff();
    this.#skip = Math.max(length, 0);
    this.#state = next;
  }

  /** Takes a byte of a 32-bit number; true when it was the last. */
  #digit(byte: number): boolean {
    this.#raw |= (byte & 0x7f) << (7 * this.#digits);
    this.#digits++;
    if (byte < LONG) return true;
    if (this.#digits === MAX_VARINT_BYTES) throw tooManyBits();
    return false;
  }

  #take(): number {
    const raw = this.#raw;
    this.#raw = 0;
    this.#digits = 0;
    return (raw >>> 1) ^ -(raw & 1);
  }

  /** Takes a byte of a 64-bit number; true when it was the last. */
  #longDigit(byte: number): boolean {
    if (this.#digits === 0) {
      // The lowest bit is the sign; halving the rest from the start keeps it within what a double
      // carries.
      this.#sign = byte & 1;
      this.#half = (byte & 0x7e) / 2;
      this.#unit = 64;
    } else {
      this.#half += (byte & 0x7f) * this.#unit;
      this.#unit *= 128;
    }
    this.#digits++;
    if (byte < LONG) return true;
    if (this.#digits === MAX_VARLONG_BYTES) throw new CorruptRecordError('record has a number of more than 64 bits');
    return false;
  }

  #takeLong(): number {
    this.#digits = 0;
    return Math.min(this.#half, Number.MAX_SAFE_INTEGER - this.#sign) * (1 - 2 * this.#sign) - this.#sign;
  }
}

function checkHeaderCount(count: number): void {
  if (count < 0) throw new CorruptRecordError(`record claims ${count} headers`);
}

function checkHeaderKey(length: number): void {
  if (length < 0) throw new CorruptRecordError('record header has no key');
}

function cutOff(): CorruptRecordError {
  return new CorruptRecordError('record is cut off');
}

function fieldCutOff(): CorruptRecordError {
  return new CorruptRecordError('record field is cut off');
}

function tooLong(): CorruptRecordError {
  return new CorruptRecordError('record is longer than its fields');
}

function tooMany(): CorruptRecordError {
  return new CorruptRecordError('batch has more records than it counts');
}

function wrongSize(size: number): CorruptRecordError {
  return new CorruptRecordError(`record claims ${size} bytes`);
}

function tooManyBits(): CorruptRecordError {
  return new CorruptRecordError('record has a number of more than 32 bits');
}
