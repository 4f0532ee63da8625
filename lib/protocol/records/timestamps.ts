import { readBatchHeader } from './batch.ts';
import { openBatch } from './record.ts';

export interface OffsetAndTimestamp {
  readonly offset: number;
  readonly timestamp: number;
}

/**
 * The first record of the batch, at or behind `startOffset`, whose timestamp is at least `target`; undefined if there is
 * none. Looks inside the batch, as ListOffsets by timestamp demands (FileRecords.searchForTimestamp). Throws
 * CorruptRecordError.
 */
export function findByTimestamp(batch: Buffer, target: number, startOffset = 0): OffsetAndTimestamp | undefined {
  const header = readBatchHeader(batch);
  if (header.maxTimestamp < target) return undefined;
  const cursor = openBatch(batch, header);
  while (cursor.next()) {
    if (cursor.timestamp >= target && cursor.offset >= startOffset) {
      return { offset: cursor.offset, timestamp: cursor.timestamp };
    }
  }
  return undefined;
}

/**
 * The first of the records with the batch's highest timestamp (KIP-734); undefined for a batch without records. Throws
 * CorruptRecordError.
 */
export function findMaxTimestamp(batch: Buffer): OffsetAndTimestamp | undefined {
  let found: OffsetAndTimestamp | undefined;
  const cursor = openBatch(batch);
  while (cursor.next()) {
    if (found === undefined || cursor.timestamp > found.timestamp) {
      found = { offset: cursor.offset, timestamp: cursor.timestamp };
    }
  }
  return found;
}
