import { assert } from '../../core/assert.ts';
import { ByteReader, ByteWriter, MalformedBytesError } from '../../core/bytes.ts';
import type { ByteRange, SegmentPart } from '../../journal/segment-part.ts';
import type { EpochStart } from '../../journal/view.ts';
import { crc32c } from '../../records/crc32c.ts';
import { readInt64, writeInt64 } from '../../records/int64.ts';
import { malformed } from './malformed.ts';
import { PART_LOG_BYTES_MAX } from './part-limits.ts';

/**
 * The end of a segment set:
 *
 *     directory = magic "TSEG" | format u8 (1) | object key | count | row*
 *     row       = partition | base offset | next offset - base offset
 *               | log bytes | offset index bytes | time index bytes | transaction index bytes
 *               | CRC-32C of the index block u32
 *               | 0 u8, or 1 u8 | max timestamp | its batch's base offset - base offset
 *               | count | (epoch | start offset)*
 *     footer    = start of the directory i64 | its length u32 | its CRC-32C u32 | format u8 (1)
 *               | magic "GEST"
 *
 * Numbers are unsigned LEB128 unless they say otherwise. The rows ascend by partition and base
 * offset. The logs follow each other from byte 0 on, then the index blocks, both in the order of
 * the rows, so the lengths tell where each begins.
 */
const MAGIC = Buffer.from('TSEG');
const FOOTER_MAGIC = Buffer.from('GEST');
/** A program refuses a format that it does not know (rule R9). */
const FORMAT = 1;

const FOOTER_LENGTH_AT = 8;
const FOOTER_CRC_AT = 12;
const FOOTER_FORMAT_AT = 16;
const FOOTER_MAGIC_AT = 17;
export const FOOTER_BYTES = 21;

/**
 * What to read first of the end of an object whose directory is not known: enough for the directory
 * of some 500 parts.
 */
export const DIRECTORY_TAIL_BYTES = 16 * 1024;

/** A part and the leader epochs of its batches. */
export interface DirectoryRow {
  readonly part: SegmentPart;
  /** Ascending; the base offset of the first batch of each epoch. */
  readonly epochs: readonly EpochStart[];
}

/** The sizes of a part, from which its place in the object follows. */
export interface PartSizes extends Omit<SegmentPart, 'log' | 'index'> {
  readonly logBytes: number;
  readonly transactionIndexBytes: number;
}

/** The parts with the places that follow from their sizes, and where the directory begins. */
export function placeParts(sizes: readonly PartSizes[]): { readonly parts: SegmentPart[]; readonly end: number } {
  let logAt = 0;
  let indexAt = sizes.reduce((sum, { logBytes }) => sum + logBytes, 0);
  const parts = sizes.map(({ logBytes, transactionIndexBytes, ...part }) => {
    const log = { start: logAt, length: logBytes };
    const index = { start: indexAt, length: part.offsetIndexBytes + part.timeIndexBytes + transactionIndexBytes };
    logAt += log.length;
    indexAt += index.length;
    return { ...part, log, index };
  });
  return { parts, end: indexAt };
}

/** The directory and the footer of the object at `key`; `start` is where they begin in it. */
export function encodeDirectory(key: string, rows: readonly DirectoryRow[], start: number): Buffer {
  const writer = new ByteWriter();
  writer.raw(MAGIC);
  writer.u8(FORMAT);
  writer.string(key);
  writer.uint(rows.length);
  for (const row of rows) writeRow(writer, row);
  const directory = writer.finish();
  const footer = Buffer.alloc(FOOTER_BYTES);
  writeInt64(footer, start, 0);
  footer.writeUInt32BE(directory.length, FOOTER_LENGTH_AT);
  footer.writeUInt32BE(crc32c(directory), FOOTER_CRC_AT);
  footer.writeUInt8(FORMAT, FOOTER_FORMAT_AT);
  FOOTER_MAGIC.copy(footer, FOOTER_MAGIC_AT);
  return Buffer.concat([directory, footer]);
}

function writeRow(writer: ByteWriter, { part, epochs }: DirectoryRow): void {
  writer.uint(part.partition);
  writer.uint(part.baseOffset);
  writer.uint(part.nextOffset - part.baseOffset);
  writer.uint(part.log.length);
  writer.uint(part.offsetIndexBytes);
  writer.uint(part.timeIndexBytes);
  writer.uint(part.index.length - part.offsetIndexBytes - part.timeIndexBytes);
  const crc = Buffer.allocUnsafe(4);
  crc.writeUInt32BE(part.indexCrc);
  writer.raw(crc);
  writer.u8(part.maxTimestamp < 0 ? 0 : 1);
  if (part.maxTimestamp >= 0) {
    writer.uint(part.maxTimestamp);
    writer.uint(part.maxTimestampOffset - part.baseOffset);
  }
  writer.uint(epochs.length);
  for (const { epoch, startOffset } of epochs) {
    writer.uint(epoch);
    writer.uint(startOffset);
  }
}

export type DirectoryOutcome =
  | { readonly kind: 'directory'; readonly rows: readonly DirectoryRow[] }
  /** The directory begins before the tail: read these bytes of the object, up to its end. */
  | { readonly kind: 'longer'; readonly range: ByteRange };

/**
 * Decodes the directory from the last bytes of an object.
 *
 * @param tail the end of the object, at least FOOTER_BYTES of it if it has as many
 * @param size bytes of the whole object
 * @throws MalformedBytesError if the object is cut off or damaged, not a segment set, or another
 *   one than that of `key`
 */
export function decodeDirectory(key: string, tail: Buffer, size: number): DirectoryOutcome {
  assert(tail.length <= size, `a tail of ${tail.length} bytes of an object of ${size}`);
  if (tail.length < FOOTER_BYTES) throw malformed(key, size, 'a segment set without a footer');
  const { start, length, crc } = readFooter(key, tail.subarray(tail.length - FOOTER_BYTES), size);
  const at = start - (size - tail.length);
  if (at < 0) return { kind: 'longer', range: { start, length: size - start } };
  const directory = tail.subarray(at, at + length);
  const found = crc32c(directory);
  if (found !== crc) throw malformed(key, start, `a directory with CRC ${found}, expected ${crc}`);
  return { kind: 'directory', rows: readDirectory(key, directory, start) };
}

function readFooter(key: string, footer: Buffer, size: number) {
  const footerAt = size - FOOTER_BYTES;
  if (!footer.subarray(FOOTER_MAGIC_AT).equals(FOOTER_MAGIC))
    throw malformed(key, footerAt, 'no footer of a segment set');
  const format = footer.readUInt8(FOOTER_FORMAT_AT);
  if (format !== FORMAT) throw malformed(key, footerAt, `segment set format ${format} is unknown to this program`);
  const start = readInt64(footer, 0);
  const length = footer.readUInt32BE(FOOTER_LENGTH_AT);
  if (start < 0 || start + length !== footerAt) {
    throw malformed(key, footerAt, `a directory of ${length} bytes at ${start}, which does not end at the footer`);
  }
  return { start, length, crc: footer.readUInt32BE(FOOTER_CRC_AT) };
}

function readDirectory(key: string, directory: Buffer, start: number): DirectoryRow[] {
  const reader = new ByteReader(directory);
  const fail = (reason: string) => malformed(key, start + directory.length - Math.max(reader.remaining, 0), reason);
  try {
    if (!reader.raw(MAGIC.length).equals(MAGIC)) throw fail('no directory of a segment set');
    const format = reader.u8();
    if (format !== FORMAT) throw fail(`segment set format ${format} is unknown to this program`);
    const named = reader.string();
    if (named !== key) throw fail(`a directory of the object ${named}`);
    const read = Array.from({ length: countOf(reader) }, () => readRow(reader));
    if (reader.remaining > 0) throw fail(`${reader.remaining} bytes behind the last row`);
    const { parts, end } = placeParts(read.map(({ sizes }) => sizes));
    if (end !== start) throw fail(`parts of ${end} bytes before a directory at ${start}`);
    const rows = parts.map((part, index) => ({ part, epochs: read[index]!.epochs }));
    rows.forEach((row, index) => {
      const reason = rowDisorder(rows[index - 1], row);
      if (reason !== undefined) throw fail(`row ${index}: ${reason}`);
    });
    return rows;
  } catch (error) {
    if (error instanceof MalformedBytesError && !error.message.startsWith('object ')) throw fail(error.message);
    throw error;
  }
}

/** A count of things that take at least one byte each. */
function countOf(reader: ByteReader): number {
  const count = reader.uint();
  if (count > reader.remaining) throw new MalformedBytesError(`a count of ${count} before ${reader.remaining} bytes`);
  return count;
}

function readRow(reader: ByteReader): { sizes: PartSizes; epochs: EpochStart[] } {
  const partition = reader.uint();
  const baseOffset = reader.uint();
  const nextOffset = baseOffset + reader.uint();
  const logBytes = reader.uint();
  const offsetIndexBytes = reader.uint();
  const timeIndexBytes = reader.uint();
  const transactionIndexBytes = reader.uint();
  const indexCrc = reader.raw(4).readUInt32BE();
  const hasTimestamp = reader.u8() !== 0;
  const maxTimestamp = hasTimestamp ? reader.uint() : -1;
  const maxTimestampOffset = hasTimestamp ? baseOffset + reader.uint() : -1;
  const epochs = Array.from({ length: countOf(reader) }, () => ({ epoch: reader.uint(), startOffset: reader.uint() }));
  const offsets = { partition, baseOffset, nextOffset, maxTimestamp, maxTimestampOffset };
  return { sizes: { ...offsets, logBytes, offsetIndexBytes, timeIndexBytes, transactionIndexBytes, indexCrc }, epochs };
}

/** Why `row` cannot follow `before` in a directory; undefined if it can. */
export function rowDisorder(before: DirectoryRow | undefined, { part, epochs }: DirectoryRow): string | undefined {
  const { partition, baseOffset, nextOffset } = part;
  if (nextOffset <= baseOffset || !Number.isSafeInteger(nextOffset)) return `offsets ${baseOffset} to ${nextOffset}`;
  if (part.log.length > PART_LOG_BYTES_MAX) return `a log of ${part.log.length} bytes`;
  if (part.maxTimestampOffset >= nextOffset) return `a timestamp at offset ${part.maxTimestampOffset}`;
  const unordered = epochs.some(({ epoch, startOffset }, index) => {
    const last = epochs[index - 1] ?? { epoch: -1, startOffset: -1 };
    return epoch <= last.epoch || startOffset <= last.startOffset || startOffset >= nextOffset;
  });
  if (unordered) return 'leader epochs that do not ascend';
  if (before === undefined) return undefined;
  if (partition < before.part.partition) return `partition ${partition} behind ${before.part.partition}`;
  if (partition === before.part.partition && baseOffset < before.part.nextOffset) {
    return `offsets from ${baseOffset} behind ${before.part.nextOffset}`;
  }
  return undefined;
}
