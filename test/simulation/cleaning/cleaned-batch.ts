import { isControl, readBatchHeader } from '../../../lib/records/batch.ts';
import { readControlBatch } from '../../../lib/records/control.ts';
import { iterateRecords, type Record } from '../../../lib/records/record.ts';
import type { LedgerBatch, LedgerPartition, Sent } from '../ledger.ts';

const decoded = new WeakMap<Sent, readonly Record[]>();

/** The records of a batch as it was sent, by their place in it. */
export function recordsOf(sent: Sent): readonly Record[] {
  let records = decoded.get(sent);
  if (records === undefined) {
    records = [...iterateRecords(sent.bytes)];
    decoded.set(sent, records);
  }
  return records;
}

/** What is stored of a batch: the offsets of its records, or what is wrong with it. */
export type Stored = { readonly offsets: readonly number[] } | { readonly wrong: string };

/** Compares a stored batch with the batch that landed there: records may be missing, and nothing else differs. */
export function storedOf(batch: LedgerBatch, bytes: Buffer): Stored {
  const header = readBatchHeader(bytes);
  const { base, last, sent } = batch;
  if (header.baseOffset !== base || header.baseOffset + header.lastOffsetDelta !== last) {
    return { wrong: `it goes from ${header.baseOffset} by ${header.lastOffsetDelta}, not from ${base} to ${last}` };
  }
  if (isControl(header.attributes) !== (sent === undefined)) return { wrong: `${base} is no longer of its kind` };
  if (sent === undefined) return storedMarker(batch, bytes, header.recordCount);
  const isSameProducer =
    header.producerId === sent.producerId &&
    header.producerEpoch === sent.producerEpoch &&
    header.baseSequence === sent.baseSequence;
  if (!isSameProducer) return { wrong: `${sent.id} has another producer or sequence` };
  const offsets: number[] = [];
  for (const { offset, timestamp, key, value } of iterateRecords(bytes, header)) {
    const original = recordsOf(sent)[offset - base];
    const isSame =
      original !== undefined &&
      timestamp === original.timestamp &&
      isSameBytes(key, original.key) &&
      isSameBytes(value, original.value);
    if (!isSame) return { wrong: `the record at ${offset} is not what was sent in ${sent.id}` };
    offsets.push(offset);
  }
  return { offsets };
}

function storedMarker({ base, transaction }: LedgerBatch, bytes: Buffer, recordCount: number): Stored {
  if (recordCount === 0) return { offsets: [] };
  const control = readControlBatch(bytes);
  const type = control?.kind === 'marker' ? control.type : undefined;
  const isOther = transaction !== undefined && transaction.outcome !== type;
  return isOther ? { wrong: `the marker at ${base} says ${type}, not ${transaction.outcome}` } : { offsets: [base] };
}

/** Whether a batch that was read is what compaction has left of the one that was sent. */
export function isCleaned({ removed }: LedgerPartition, batch: LedgerBatch, bytes: Buffer): boolean {
  const stored = storedOf(batch, bytes);
  if ('wrong' in stored) return false;
  const there = new Set(stored.offsets);
  for (let offset = batch.base; offset <= batch.last; offset++) {
    if (!there.has(offset) && !removed.has(offset)) return false;
  }
  return true;
}

/** Whether a batch that was read has a record below an offset which compaction removed before a certain time. */
export function isStale(
  { removed }: LedgerPartition,
  bytes: Buffer,
  { before, below }: { readonly before: number; readonly below: number },
): boolean {
  if (removed.size === 0) return false;
  return [...iterateRecords(bytes)].some(
    ({ offset }) => offset < below && (removed.get(offset) ?? Number.POSITIVE_INFINITY) < before,
  );
}

function isSameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
