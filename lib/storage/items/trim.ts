import { ByteReader, ByteWriter, MalformedBytesError } from '../../core/bytes.ts';
import type { StoreTime } from '../ports.ts';
import type { JournalId } from './journal-entry.ts';

/** From a time on, the entries up to a slot may be deleted once the grace period has passed. */
export interface TrimMark {
  readonly at: StoreTime;
  /** Slot. */
  readonly upTo: number;
}

/** How far the entries of a journal are deleted, and which may be deleted later. */
export interface TrimRecord {
  /** The entries up to this slot are deleted; -1 for none. */
  readonly trimmedTo: number;
  /** Ascending, in time and in slots. */
  readonly marks: readonly TrimMark[];
}

export const TRIM_SK = 'trim';
const FORMAT = 1;

/** In the state table, one item for each journal. */
export function trimPk(journal: JournalId): string {
  return `trim/${journal}`;
}

export function encodeTrim({ trimmedTo, marks }: TrimRecord): Buffer {
  const writer = new ByteWriter(16 + marks.length * 16);
  writer.u8(FORMAT);
  writer.int(trimmedTo);
  writer.uint(marks.length);
  for (const { at, upTo } of marks) {
    writer.uint(at);
    writer.uint(upTo);
  }
  return writer.finish();
}

/** Throws MalformedBytesError. */
export function decodeTrim(body: Buffer): TrimRecord {
  const reader = new ByteReader(body);
  const format = reader.u8();
  if (format !== FORMAT) throw new MalformedBytesError(`trim item format ${format} is unknown to this program`);
  const trimmedTo = reader.int();
  const marks: TrimMark[] = [];
  for (let left = reader.uint(); left > 0; left--) marks.push({ at: reader.uint(), upTo: reader.uint() });
  return { trimmedTo, marks };
}
