import { type BatchHeader, readBatchHeader } from '../../lib/records/batch.ts';
import { iterateRecords, type Record } from '../../lib/records/record.ts';

/** All records of one whole batch. Throws CorruptRecordError. */
export function readRecords(batch: Buffer, header: BatchHeader = readBatchHeader(batch)): Record[] {
  return [...iterateRecords(batch, header)];
}
