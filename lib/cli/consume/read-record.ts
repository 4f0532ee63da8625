import type { RecordCursor } from '../../records/cursor.ts';

/** A header as stored. Its name should be UTF-8, but brokers do not check that. */
export interface ReadHeader {
  readonly key: Buffer;
  readonly value: Buffer | null;
}

/** A record with its stored bytes, which share memory with the batch. */
export interface ReadRecord {
  readonly offset: number;
  /** Ms since the Unix epoch; -1 for none. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly ReadHeader[];
}

const NO_HEADERS: readonly ReadHeader[] = [];

/** The record at the cursor's position. */
export function readRecordAt(cursor: RecordCursor): ReadRecord {
  const { payload } = cursor;
  const slice = (start: number, length: number) => (length < 0 ? null : payload.subarray(start, start + length));
  let headers = NO_HEADERS;
  if (cursor.headerCount > 0) {
    const found: ReadHeader[] = [];
    cursor.eachHeader((keyStart, keyLength, valueStart, valueLength) => {
      const key = payload.subarray(keyStart, keyStart + keyLength);
      found.push({ key, value: slice(valueStart, valueLength) });
    });
    headers = found;
  }
  return {
    offset: cursor.offset,
    timestamp: cursor.timestamp,
    key: slice(cursor.keyStart, cursor.keyLength),
    value: slice(cursor.valueStart, cursor.valueLength),
    headers,
  };
}
