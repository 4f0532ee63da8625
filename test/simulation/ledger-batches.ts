import type { BatchMeta, MarkersEntry } from '../../lib/journal/entry.ts';
import { BatchField } from '../../lib/records/batch.ts';
import type { Ledger, LedgerPartition, Sent, Transaction } from './ledger.ts';

/** Takes a data batch that landed, and holds it against what its producer sent. */
export function takeBatch(
  ledger: Ledger,
  partition: LedgerPartition,
  meta: BatchMeta,
  bytes: Buffer,
  seq: number,
  at: string,
): void {
  const sent = ledger.identify(bytes);
  if (sent === undefined) return void ledger.report('phantom', `${at}: nobody sent this batch`);
  if (!sameContent(bytes, sent)) return void ledger.report('altered', `${at}: ${sent.id} is not as it was sent`);
  const matches =
    meta.partition === sent.partition &&
    meta.lastOffsetDelta === sent.records - 1 &&
    meta.producerId === sent.producerId &&
    meta.producerEpoch === sent.producerEpoch &&
    meta.baseSequence === sent.baseSequence;
  if (!matches) return void ledger.report('altered', `${at}: ${sent.id} is described wrongly`);
  const times = (partition.seen.get(sent.id) ?? 0) + 1;
  partition.seen.set(sent.id, times);
  if (sent.kind !== 'plain' && times > 1) ledger.report('duplicate', `${at}: ${sent.id} is there already`);
  if (times > sent.sends) ledger.report('duplicate', `${at}: ${sent.id} is there ${times} times, sent ${sent.sends}`);
  if (sent.producerId >= 0) checkSequence(ledger, partition, sent, at);
  const transaction = sent.kind === 'transactional' ? openTransaction(partition, sent, meta.baseOffset) : undefined;
  const last = meta.baseOffset + meta.lastOffsetDelta;
  partition.batches.push({ base: meta.baseOffset, last, sent, transaction, seq });
}

/** Bytes as sent, but for the base offset and the leader epoch, which the log assigns. */
export function sameContent(bytes: Buffer, sent: Sent): boolean {
  return (
    bytes.length === sent.bytes.length &&
    bytes.compare(sent.bytes, BatchField.crc, sent.bytes.length, BatchField.crc, bytes.length) === 0
  );
}

function checkSequence(ledger: Ledger, partition: LedgerPartition, sent: Sent, at: string): void {
  const known = partition.producers.get(sent.producerId);
  if (known !== undefined && sent.producerEpoch < known.epoch) {
    ledger.report('zombie', `${at}: ${sent.id} of epoch ${sent.producerEpoch} after epoch ${known.epoch}`);
  }
  const fresh = known === undefined || sent.producerEpoch > known.epoch;
  const expected = fresh ? 0 : known.lastSequence + 1;
  if (sent.baseSequence !== expected) {
    ledger.report('order', `${at}: ${sent.id} has sequence ${sent.baseSequence}, expected ${expected}`);
  }
  const lastSequence = sent.baseSequence + sent.records - 1;
  partition.producers.set(sent.producerId, { epoch: sent.producerEpoch, lastSequence });
}

function openTransaction(partition: LedgerPartition, sent: Sent, firstOffset: number): Transaction {
  const open = partition.open.get(sent.producerId);
  if (open !== undefined) return open;
  const transaction: Transaction = { producerId: sent.producerId, firstOffset, outcome: 'open' };
  partition.open.set(sent.producerId, transaction);
  return transaction;
}

/** Takes a marker that landed: it ends the producer's transaction and fences its earlier epochs. */
export function takeMarker(
  ledger: Ledger,
  partition: LedgerPartition,
  entry: MarkersEntry,
  meta: BatchMeta,
  seq: number,
  at: string,
): void {
  const known = partition.producers.get(entry.producerId);
  const transaction = partition.open.get(entry.producerId);
  // In version 1 the markers have the epoch of the transaction, whose sequences go on.
  const isRepeated = transaction === undefined && !ledger.ofVersion1.has(entry.producerId);
  const isSameEpoch = known?.epoch === entry.producerEpoch;
  if (known !== undefined && (isSameEpoch ? isRepeated : known.epoch > entry.producerEpoch)) {
    ledger.report('badControl', `${at}: a marker of epoch ${entry.producerEpoch} after epoch ${known.epoch}`);
  }
  const lastSequence = isSameEpoch ? known.lastSequence : -1;
  partition.producers.set(entry.producerId, { epoch: entry.producerEpoch, lastSequence });
  if (transaction !== undefined) transaction.outcome = entry.commit ? 'commit' : 'abort';
  partition.open.delete(entry.producerId);
  partition.batches.push({
    base: meta.baseOffset,
    last: meta.baseOffset + meta.lastOffsetDelta,
    sent: undefined,
    transaction,
    seq,
  });
}
