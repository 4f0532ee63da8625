import type { BatchHeader } from './batch.ts';
import { RecordCursor } from './cursor.ts';
import { sizeOfVarint, writeVarint } from './varint.ts';

/**
 * The uncompressed records of a batch with the offset deltas 0, 1, 2 and so on; all else stays as it is. `header` is that
 * of the batch. Throws CorruptRecordError.
 */
export function renumbered(payload: Buffer, header: BatchHeader): Buffer {
  const cursor = new RecordCursor(payload, header);
  let total = 0;
  while (cursor.next()) {
    const size = newSize(cursor);
    total += sizeOfVarint(size) + size;
  }
  const out = Buffer.allocUnsafe(total);
  const writer = new RecordCursor(payload, header);
  let at = 0;
  while (writer.next()) {
    at = writeVarint(out, newSize(writer), at);
    at += payload.copy(out, at, writer.recordStart, writer.deltaStart);
    at = writeVarint(out, writer.passed - 1, at);
    at += payload.copy(out, at, writer.deltaEnd, writer.recordEnd);
  }
  return out;
}

/** Of the record that the cursor stands on, without its size field. */
function newSize({ recordStart, recordEnd, deltaStart, deltaEnd, passed }: RecordCursor): number {
  return recordEnd - recordStart - (deltaEnd - deltaStart) + sizeOfVarint(passed - 1);
}
