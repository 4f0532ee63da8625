import { ByteReader, ByteWriter, MalformedBytesError } from '../core/bytes.ts';
import { crc32c } from '../records/crc32c.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { hasWalHeader, wholeTime } from '../storage/items/wal-object.ts';
import type { StoreTime } from '../storage/ports.ts';

/**
 * The format of a WAL object:
 *
 *     object  = magic "TWAL" | format u8 (1) | body length u32 | CRC-32C u32 | body | (mark u32 | stretch)*
 *     body    = key | writer | time uint | count | (journal | length uint)*
 *
 * The header names the object and its contents, for collection and repair. Its checksum covers the
 * body. A reader gets one stretch with one ranged request and does not read the header. The mark
 * before a stretch shows that the bytes are those that the entry names: it is a CRC-32C of the
 * object's key and of the stretch's journal, start and length. Neither checksum covers the batches.
 * Each batch has its own CRC-32C, which is checked on produce and by every consumer.
 */
const MAGIC = Buffer.from('TWAL');
/** A program refuses a format that it does not know (rule R9). */
const FORMAT = 1;
const BODY_LENGTH_AT = MAGIC.length + 1;
const CRC_AT = BODY_LENGTH_AT + 4;
const BODY_AT = CRC_AT + 4;

/** Bytes of the mark before each stretch, in objects with a header. */
const MARK_BYTES = 4;

/** A journal's bytes in a WAL object. A journal may have several stretches in one object. */
export interface WalStretchRow {
  readonly journal: JournalId;
  /** Position of the first byte in the object. */
  readonly start: number;
  readonly length: number;
}

export interface WalHeader {
  /** The key of the object. */
  readonly key: string;
  /** The process that wrote it, identified by the nonce of its first object. */
  readonly writer: string;
  /** Store time when the object was made; 0 if it was not known yet; ms. */
  readonly time: StoreTime;
  readonly stretches: readonly WalStretchRow[];
}

/** The contents of a new object. The starts follow from the lengths. */
export interface WalContents extends Omit<WalHeader, 'stretches'> {
  readonly stretches: readonly Omit<WalStretchRow, 'start'>[];
}

/**
 * For each stretch its start and the bytes before it: its mark, and for the first stretch also the
 * header.
 */
export function frameWalObject(contents: WalContents): readonly { readonly before: Buffer; readonly start: number }[] {
  const header = encodeHeader(contents);
  let end = header.length;
  return contents.stretches.map(({ journal, length }, index) => {
    const start = end + MARK_BYTES;
    end = start + length;
    const mark = Buffer.alloc(MARK_BYTES);
    mark.writeUInt32BE(markOf(contents.key, { journal, start, length }));
    return { before: index === 0 ? Buffer.concat([header, mark]) : mark, start };
  });
}

function encodeHeader({ key, writer, time, stretches }: WalContents): Buffer {
  const body = new ByteWriter();
  body.string(key);
  body.string(writer);
  body.uint(wholeTime(time));
  body.uint(stretches.length);
  for (const { journal, length } of stretches) {
    body.string(journal);
    body.uint(length);
  }
  const bytes = body.finish();
  const head = Buffer.alloc(BODY_AT);
  MAGIC.copy(head);
  head.writeUInt8(FORMAT, MAGIC.length);
  head.writeUInt32BE(bytes.length, BODY_LENGTH_AT);
  head.writeUInt32BE(crc32c(bytes), CRC_AT);
  return Buffer.concat([head, bytes]);
}

/**
 * Where the header of an object ends, from its first bytes; at least BODY_AT. `bytes` may have any
 * length: if it is too short or no header, decodeWalHeader says so.
 */
export function walHeaderEnd(bytes: Buffer): number {
  return bytes.length < BODY_AT ? BODY_AT : BODY_AT + bytes.readUInt32BE(BODY_LENGTH_AT);
}

/**
 * Decodes the header of an object; `bytes` may end anywhere after it. Throws MalformedBytesError if
 * the header is missing, damaged, truncated, or names another object than `key`.
 */
export function decodeWalHeader(key: string, bytes: Buffer): WalHeader {
  if (bytes.length < BODY_AT) throw new MalformedBytesError(`object ${key} is cut off`);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw new MalformedBytesError(`object ${key} has no header`);
  const format = bytes.readUInt8(MAGIC.length);
  if (format !== FORMAT) throw new MalformedBytesError(`WAL object format ${format} is newer than this program`);
  const bodyEnd = BODY_AT + bytes.readUInt32BE(BODY_LENGTH_AT);
  if (bytes.length < bodyEnd) throw new MalformedBytesError(`the header of object ${key} is cut off`);
  const body = bytes.subarray(BODY_AT, bodyEnd);
  if (crc32c(body) !== bytes.readUInt32BE(CRC_AT)) {
    throw new MalformedBytesError(`the header of object ${key} is damaged`);
  }
  const reader = new ByteReader(body);
  const named = reader.string();
  if (named !== key) throw new MalformedBytesError(`object ${key} is a copy of ${named}`);
  const writer = reader.string();
  const time = reader.uint();
  const stretches: WalStretchRow[] = [];
  let end = bodyEnd;
  for (let left = reader.uint(); left > 0; left--) {
    const journal = reader.string();
    const start = end + MARK_BYTES;
    const length = reader.uint();
    stretches.push({ journal, start, length });
    end = start + length;
  }
  return { key, writer, time, stretches };
}

/**
 * The byte range [from, to) to read for a stretch. It includes the mark if the object has marks.
 */
export function rangeOfStretch(key: string, { start, length }: WalStretchRow): { from: number; to: number } {
  const from = hasWalHeader(key) ? start - MARK_BYTES : start;
  if (from < 0) throw new MalformedBytesError(`object ${key} has no stretch at ${start}`);
  return { from, to: start + length };
}

/**
 * The stretch in the bytes of its range; a view. Throws MalformedBytesError if the object is
 * damaged or the range holds something else. Objects of the oldest format have no marks; for them
 * only the batches can be checked.
 */
export function stretchIn(key: string, row: WalStretchRow, range: Buffer): Buffer {
  if (!hasWalHeader(key)) return range;
  if (range.readUInt32BE(0) !== markOf(key, row)) {
    throw new MalformedBytesError(`object ${key} does not hold bytes of journal ${row.journal} at ${row.start}`);
  }
  return range.subarray(MARK_BYTES);
}

function markOf(key: string, { journal, start, length }: WalStretchRow): number {
  return crc32c(Buffer.from(`${key}\n${journal}\n${start}\n${length}`));
}
