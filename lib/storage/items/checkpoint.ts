import { ByteReader, ByteWriter, MalformedBytesError } from '../../core/bytes.ts';
import type { JournalId } from './journal-entry.ts';

/**
 * A journal's checkpoint, in the state table. The item's version is the slot the checkpoint was
 * taken at, so that a conditional put on the version keeps checkpoints from going back (rule R4).
 */
export type CheckpointItem =
  | { readonly kind: 'inline'; readonly bytes: Buffer }
  /** The bytes are in an object, as they are too long for a cheap item. */
  | { readonly kind: 'blob'; readonly key: string };

/**
 * A longer checkpoint goes to an object: an item costs one write unit per KB, an object's PUT as
 * much as 8 of them.
 */
export const CHECKPOINT_INLINE_BYTES = 8 * 1024;

export const CHECKPOINT_SK = 'checkpoint';
const FORMAT = 1;
const INLINE = 0;
const BLOB = 1;

export function checkpointPk(journal: JournalId): string {
  return `checkpoint/${journal}`;
}

export function encodeCheckpointItem(item: CheckpointItem): Buffer {
  const writer = new ByteWriter(64 + (item.kind === 'inline' ? item.bytes.length : item.key.length));
  writer.u8(FORMAT);
  if (item.kind === 'inline') {
    writer.u8(INLINE);
    writer.bytes(item.bytes);
  } else {
    writer.u8(BLOB);
    writer.string(item.key);
  }
  return writer.finish();
}

/** Throws MalformedBytesError. */
export function decodeCheckpointItem(body: Buffer): CheckpointItem {
  const reader = new ByteReader(body);
  const format = reader.u8();
  const kind = reader.u8();
  if (format !== FORMAT || kind > BLOB) {
    throw new MalformedBytesError(`checkpoint item ${format}/${kind} is unknown to this program`);
  }
  return kind === INLINE ? { kind: 'inline', bytes: reader.bytes() } : { kind: 'blob', key: reader.string() };
}
