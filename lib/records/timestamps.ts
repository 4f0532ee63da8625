import type { NextWork } from '../kit/turns.ts';
import { type BatchHeader, readBatchHeader } from './batch.ts';
import { RecordScan, type RecordVisitor } from './scan.ts';
import { Unpacking } from './unpack.ts';

export interface OffsetAndTimestamp {
  readonly offset: number;
  readonly timestamp: number;
}

/**
 * The first record of the batch, at or after `startOffset`, whose timestamp is at least `target`;
 * undefined if there is none. Opens the batch, as ListOffsets by timestamp requires
 * (FileRecords.searchForTimestamp), one share of work at a time. Throws CorruptRecordError.
 */
export async function findByTimestamp(
  batch: Buffer,
  target: number,
  next: NextWork,
  startOffset = 0,
): Promise<OffsetAndTimestamp | undefined> {
  const header = readBatchHeader(batch);
  if (header.maxTimestamp < target) return undefined;
  let found: OffsetAndTimestamp | undefined;
  await scanBatch(batch, header, next, (scan) => {
    const offset = header.baseOffset + scan.offsetDelta;
    if (scan.timestamp < target || offset < startOffset) return;
    found = { offset, timestamp: scan.timestamp };
    scan.stopped = true;
  });
  return found;
}

/**
 * The first of the records with the batch's highest timestamp (KIP-734); undefined for a batch
 * without records. Opens the batch one share of work at a time. Throws CorruptRecordError.
 */
export async function findMaxTimestamp(batch: Buffer, next: NextWork): Promise<OffsetAndTimestamp | undefined> {
  const header = readBatchHeader(batch);
  let found: OffsetAndTimestamp | undefined;
  await scanBatch(batch, header, next, ({ offsetDelta, timestamp }) => {
    if (found === undefined || timestamp > found.timestamp) {
      found = { offset: header.baseOffset + offsetDelta, timestamp };
    }
  });
  return found;
}

async function scanBatch(batch: Buffer, header: BatchHeader, next: NextWork, visit: RecordVisitor): Promise<void> {
  const unpacking = new Unpacking(batch, header);
  const scan = new RecordScan(header, visit);
  const take = (piece: Buffer) => {
    scan.feed(piece);
    return !scan.stopped;
  };
  if (await unpacking.rest(next, take)) scan.finish();
}
