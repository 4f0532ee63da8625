import type { MarkersEntry, RecordsEntry, ReplaceEntry, SealEntry } from '../../lib/journal/entry.ts';
import type { SegmentPart } from '../../lib/journal/segment-part.ts';
import { patchBatch } from '../../lib/records/batch.ts';
import type { Ledger, LedgerJournal } from './ledger.ts';

/** A batch as a segment holds it, with its final offset and leader epoch. */
interface SealedBatch {
  readonly base: number;
  readonly last: number;
  /** Undefined if the object that its entry names is not there. */
  readonly bytes: Buffer | undefined;
}

/** Takes a seal that landed: the parts must hold what the slots that they stand for hold. */
export function takeSeal(ledger: Ledger, journal: LedgerJournal, entry: SealEntry, where: string): void {
  const { fromSeq, toSeq, toTime, key, parts } = entry;
  const from = journal.sealedSeq + 1;
  const last = journal.entries[toSeq];
  if (fromSeq !== from || toSeq < fromSeq || last === undefined || last.entry === entry) {
    return void ledger.report('badControl', `${where} seals ${fromSeq} to ${toSeq}, the next to seal is ${from}`);
  }
  ledger.trimmable(journal, journal.sealedSeq);
  journal.sealedSeq = toSeq;
  if (toTime !== last.entry.time) ledger.report('badControl', `${where} says that slot ${toSeq} is of ${toTime}`);
  // A seal of slots without batches has no object.
  const object = parts.length === 0 ? Buffer.alloc(0) : ledger.object(key);
  if (object === undefined) return void ledger.report('objectMissing', `${where} names ${key}, which is not there`);
  const sealed = batchesIn(ledger, journal, fromSeq, toSeq);
  const named = parts.map(({ partition }) => partition).join();
  const expected = [...sealed.keys()].sort((a, b) => a - b).join();
  if (named !== expected) ledger.report('altered', `${where} seals partitions ${named}, its slots hold ${expected}`);
  for (const part of parts) {
    const logStart = journal.partitions.get(part.partition)?.logStart ?? 0;
    takePart(ledger, part, sealed.get(part.partition) ?? [], object, logStart, where);
  }
}

/** Takes a replacement that landed: its object is there and its offsets are sealed. */
export function takeReplace(ledger: Ledger, journal: LedgerJournal, entry: ReplaceEntry, where: string): void {
  const { partition, baseOffset, nextOffset, key, parts } = entry;
  if (ledger.object(key) === undefined) {
    ledger.report('objectMissing', `${where} names ${key}, which is not there`);
  }
  let next = baseOffset;
  for (const part of parts) {
    if (part.partition === partition && part.baseOffset === next) next = part.nextOffset;
  }
  const firstHot = journal.partitions.get(partition)?.batches.find(({ seq }) => seq > journal.sealedSeq)?.base;
  if (next !== nextOffset || parts.length === 0 || (firstHot !== undefined && nextOffset > firstHot)) {
    ledger.report('badControl', `${where} replaces ${baseOffset} to ${nextOffset} of partition ${partition}`);
  }
}

/** Batches may be missing from a part only where they lie wholly below the log start. */
function takePart(
  ledger: Ledger,
  part: SegmentPart,
  batches: readonly SealedBatch[],
  object: Buffer,
  logStart: number,
  where: string,
): void {
  const at = `${where}, partition ${part.partition}`;
  if (part.baseOffset !== batches[0]?.base || part.nextOffset !== batches.at(-1)!.last + 1) {
    return void ledger.report('altered', `${at}: it seals ${part.baseOffset} to ${part.nextOffset}`);
  }
  const log = object.subarray(part.log.start, part.log.start + part.log.length);
  let position = 0;
  for (const { base, last, bytes } of batches) {
    if (bytes === undefined) return;
    if (log.subarray(position, position + bytes.length).equals(bytes)) position += bytes.length;
    else if (last >= logStart)
      return void ledger.report('altered', `${at}: the batch at ${base} is not in the segment`);
  }
  if (position !== part.log.length) ledger.report('altered', `${at}: the segment has more than its batches`);
}

function batchesIn(
  ledger: Ledger,
  journal: LedgerJournal,
  fromSeq: number,
  toSeq: number,
): ReadonlyMap<number, readonly SealedBatch[]> {
  const sealed = new Map<number, SealedBatch[]>();
  let leaderEpoch = 0;
  for (const { seq, entry } of journal.entries.slice(0, toSeq + 1)) {
    if (entry.kind === 'leaderChange') leaderEpoch = entry.leaderEpoch;
    if (seq < fromSeq || (entry.kind !== 'records' && entry.kind !== 'markers')) continue;
    const payload = payloadOf(ledger, entry);
    for (const { partition, baseOffset, lastOffsetDelta, position, size } of entry.batches) {
      const bytes = payload === undefined ? undefined : Buffer.from(payload.subarray(position, position + size));
      if (bytes !== undefined) patchBatch(bytes, baseOffset, leaderEpoch);
      const batches = sealed.get(partition) ?? [];
      sealed.set(partition, batches);
      batches.push({ base: baseOffset, last: baseOffset + lastOffsetDelta, bytes });
    }
  }
  return sealed;
}

function payloadOf(ledger: Ledger, { payload }: RecordsEntry | MarkersEntry): Buffer | undefined {
  if (payload.kind === 'inline') return payload.bytes;
  return ledger.object(payload.key)?.subarray(payload.start, payload.start + payload.length);
}
