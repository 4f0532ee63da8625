import { type BatchHeader, isControl, lastOffset } from '../../records/batch.ts';
import type { RecordCursor } from '../../records/cursor.ts';
import { openBatch } from '../../records/record.ts';
import type { OffsetMap } from './offset-map.ts';
import type { PassedTransactions } from './transactions.ts';

/**
 * - `more`: every key of the batch is in the map, whose `latestOffset` is now the batch's last.
 * - `full`: the map holds every key up to its `latestOffset`, and some of this batch.
 */
export type MapOutcome = 'more' | 'full';

/**
 * Notes the batch's records with a key in the map. Control records and records of aborted
 * transactions are left out. Throws CorruptRecordError. (Kafka:
 * Cleaner.buildOffsetMapForSegment, which may stop inside of a batch.)
 */
export function mapBatch(
  map: OffsetMap,
  transactions: PassedTransactions,
  batch: Buffer,
  header: BatchHeader,
): MapOutcome {
  if (isControl(header.attributes)) transactions.onControlBatch(batch, header);
  else if (!transactions.onBatch(header)) {
    const cursor = openBatch(batch, header);
    while (cursor.next()) {
      if (cursor.keyLength >= 0 && !map.put(keyOf(cursor), cursor.offset)) return 'full';
    }
  }
  map.latestOffset = lastOffset(header);
  return 'more';
}

/** The current record's key, which it must have. */
export function keyOf({ payload, keyStart, keyLength }: RecordCursor): Buffer {
  return payload.subarray(keyStart, keyStart + keyLength);
}
