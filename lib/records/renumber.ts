import type { NextWork } from '../kit/turns.ts';
import type { BatchHeader } from './batch.ts';
import { RecordCursor } from './cursor.ts';
import { sizeOfVarint, writeVarint } from './varint.ts';

/** Work per record beside its bytes, in bytes. */
const RECORD_COST_BYTES = 64;

/** Work between two checks of the remaining work, in bytes. */
const STEP_BYTES = 64 * 1024;

/**
 * The uncompressed records of a batch, with the offset deltas 0, 1, 2 and so on and otherwise
 * unchanged. `header` is the batch's. Throws CorruptRecordError.
 */
export function renumbered(payload: Buffer, header: BatchHeader): Buffer {
  const steps = renumbering(payload, header);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As `renumbered`, one share of work at a time; undefined when `next` gives up. */
export async function renumberedInTurns(
  payload: Buffer,
  header: BatchHeader,
  next: NextWork,
): Promise<Buffer | undefined> {
  const steps = renumbering(payload, header);
  let work = await next();
  while (work !== undefined) {
    const step = steps.next();
    if (step.done === true) return step.value;
    work.left -= step.value;
    if (work.left <= 0) work = await next();
  }
  return undefined;
}

/** Yields the work of each step, in bytes. */
function* renumbering(payload: Buffer, header: BatchHeader): Generator<number, Buffer> {
  const reader = new RecordCursor(payload, header);
  let total = 0;
  let spent = 0;
  while (reader.next()) {
    const size = newSize(reader);
    total += sizeOfVarint(size) + size;
    spent += size + RECORD_COST_BYTES;
    if (spent < STEP_BYTES) continue;
    yield spent;
    spent = 0;
  }
  const out = Buffer.allocUnsafe(total);
  const writer = new RecordCursor(payload, header);
  let at = 0;
  while (writer.next()) {
    const size = newSize(writer);
    at = writeVarint(out, size, at);
    at += payload.copy(out, at, writer.recordStart, writer.deltaStart);
    at = writeVarint(out, writer.passed - 1, at);
    at += payload.copy(out, at, writer.deltaEnd, writer.recordEnd);
    spent += size + RECORD_COST_BYTES;
    if (spent < STEP_BYTES) continue;
    yield spent;
    spent = 0;
  }
  return out;
}

/** The current record, without its size field. */
function newSize({ recordStart, recordEnd, deltaStart, deltaEnd, passed }: RecordCursor): number {
  return recordEnd - recordStart - (deltaEnd - deltaStart) + sizeOfVarint(passed - 1);
}
