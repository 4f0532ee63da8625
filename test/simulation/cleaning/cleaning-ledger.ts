import type { LogStart, ReplaceEntry } from '../../../lib/journal/entry.ts';
import { splitBatches } from '../../../lib/records/batch.ts';
import { topicIdOf } from '../../../lib/storage/items/journal-entry.ts';
import { decodeSegment, segmentPk } from '../../../lib/storage/items/segment.ts';
import { decodeTopic, TOPIC_IDS_PK } from '../../../lib/storage/items/topic.ts';
import type { Item } from '../../../lib/storage/ports.ts';
import {
  batchIndexAt,
  journalOfPk,
  type Ledger,
  type LedgerBatch,
  type LedgerJournal,
  type LedgerPartition,
  type Report,
} from '../ledger.ts';
import { recordsOf, storedOf } from './cleaned-batch.ts';
import { type Policy, policyOf } from './policy.ts';
import { batchesIn, keyAt, newestOfKeys, offsetsOf, Removal } from './removal.ts';

const SEGMENTS = 'segments/';

const HOUR_MS = 60 * 60 * 1000;

/** A process's estimate of the store's time may be ahead of it by the coarseness of the answers' times; ms. */
const CLOCK_TOLERANCE_MS = 1_000;

/** What one record or marker may take more than as it was sent, at most; bytes. */
const MARKER_BYTES_MAX = 100;
const RECORD_GROWTH_MAX = 10;

/**
 * Holds what compaction and retention remove against a model of every record: by what landed in the store, without asking the
 * engine's own decisions. What a replacement leaves out is noted in the ledger as removed.
 */
export class CleaningLedger {
  readonly #ledger: Ledger;
  readonly #report: Report;
  readonly #now: () => number;
  readonly #policies = new Map<string, Policy>();
  /** When the tombstones and the marker of a batch may go, by partition and the batch's base offset. */
  readonly #horizons = new WeakMap<LedgerPartition, Map<number, number>>();
  readonly #starts = new WeakMap<LedgerPartition, number>();
  readonly #asked = new Map<string, number>();
  /** Where the segments that the log start has not ended begin, by partition key of their items. */
  readonly #segmentsFrom = new Map<string, number>();
  /** Where the segments of the items end, by sort key under partition key. */
  readonly #items = new Map<string, Map<string, number>>();

  constructor(ledger: Ledger, report: Report, now: () => number) {
    this.#ledger = ledger;
    this.#report = report;
    this.#now = now;
  }

  /** Somebody asks for a log start at this offset. */
  asked(journal: string, partition: number, offset: number): void {
    const key = `${journal}/${partition}`;
    this.#asked.set(key, Math.max(offset, this.#asked.get(key) ?? 0));
  }

  /** An item of the state table. */
  wrote({ pk, sk, version, body }: Item): void {
    if (pk === TOPIC_IDS_PK) this.#policies.set(sk, policyOf(decodeTopic(body).configs));
    if (!pk.startsWith(SEGMENTS)) return;
    const items = this.#items.get(pk) ?? new Map<string, number>();
    this.#items.set(pk, items);
    items.set(sk, decodeSegment(version, body).nextOffset);
  }

  deleted({ pk, sk }: Item): void {
    this.#items.get(pk)?.delete(sk);
  }

  /** Whether it is the item of a segment that has ended: a put that was sent before that may bring it back for a while. */
  isEnded({ pk, version, body }: Item): boolean {
    if (!pk.startsWith(SEGMENTS)) return false;
    return decodeSegment(version, body).nextOffset <= (this.#segmentsFrom.get(pk) ?? 0);
  }

  /** An entry, once the ledger has taken it. */
  landed(item: Item): void {
    const journal = this.#ledger.journals.get(journalOfPk(item.pk));
    const landed = journal?.entries.at(-1);
    if (journal === undefined || landed?.nonce !== item.nonce) return;
    const where = `slot ${landed.seq} of ${journal.id}`;
    if (landed.entry.kind === 'replace') {
      const wrong = this.#replaced(journal, landed.entry);
      if (wrong !== undefined) {
        this.#report('cleanedWrongly', `${where}, partition ${landed.entry.partition}: ${wrong}`);
      }
    }
    if (landed.entry.kind === 'logStart') {
      for (const start of landed.entry.starts) this.#started(journal, start, where);
    }
  }

  #policy(journal: LedgerJournal): Policy {
    return this.#policies.get(topicIdOf(journal.id)) ?? policyOf({});
  }

  /** What is wrong with a replacement; undefined if nothing is. */
  #replaced(journal: LedgerJournal, entry: ReplaceEntry): string | undefined {
    const partition = journal.partitions.get(entry.partition);
    const object = this.#ledger.object(entry.key);
    // The ledger has said so.
    if (partition === undefined || object === undefined) return undefined;
    const kept = new Set<number>();
    for (const { log } of entry.parts) {
      for (const { header, bytes } of splitBatches(object.subarray(log.start, log.start + log.length))) {
        const batch = partition.batches[batchIndexAt(partition, header.baseOffset)];
        if (batch === undefined) return `there is no batch at ${header.baseOffset}`;
        const stored = storedOf(batch, bytes);
        if ('wrong' in stored) return stored.wrong;
        for (const offset of stored.offsets) kept.add(offset);
      }
    }
    const back = [...kept].find((offset) => partition.removed.has(offset));
    if (back !== undefined) return `the record at ${back} is there again`;
    return this.#takeRemoved(journal, partition, entry, kept);
  }

  #takeRemoved(
    journal: LedgerJournal,
    partition: LedgerPartition,
    { baseOffset, nextOffset, cleaned }: ReplaceEntry,
    kept: ReadonlySet<number>,
  ): string | undefined {
    const policy = this.#policy(journal);
    const removal = new Removal(journal, partition, policy, cleaned?.cleanedAt);
    const horizons = this.#horizonsOf(partition);
    const range = batchesIn(partition, baseOffset, nextOffset);
    for (const batch of range) {
      for (const offset of offsetsOf(batch)) {
        if (kept.has(offset) || partition.removed.has(offset)) continue;
        const reason = removal.forbids(batch, offset, horizons.get(batch.base));
        if (reason !== undefined) return `the record at ${offset} is gone: ${reason}`;
        partition.removed.set(offset, this.#now());
      }
    }
    if (cleaned === undefined) return undefined;
    for (const batch of range) {
      if (horizons.has(batch.base) || !removal.getsHorizon(batch, kept)) continue;
      horizons.set(batch.base, cleaned.cleanedAt + policy.deleteRetentionMs);
    }
    return undefined;
  }

  #horizonsOf(partition: LedgerPartition): Map<number, number> {
    const known = this.#horizons.get(partition) ?? new Map<number, number>();
    this.#horizons.set(partition, known);
    return known;
  }

  #started(journal: LedgerJournal, start: LogStart, where: string): void {
    const { partition: number, offset } = start;
    const pk = segmentPk(topicIdOf(journal.id), number);
    this.#segmentsFrom.set(pk, Math.max(start.segmentsFrom ?? 0, this.#segmentsFrom.get(pk) ?? 0));
    const partition = journal.partitions.get(number);
    if (partition === undefined) return;
    const before = this.#starts.get(partition) ?? 0;
    this.#starts.set(partition, Math.max(before, offset));
    if (offset <= Math.max(before, this.#asked.get(`${journal.id}/${number}`) ?? 0)) return;
    const policy = this.#policy(journal);
    if (policy.deletes && this.#isExpired(journal, partition, before, offset, policy)) return;
    if (policy.deletes && policy.retentionBytes >= 0 && bytesFrom(partition, offset) >= policy.retentionBytes) return;
    this.#report('endedEarly', `${where}: the log start of partition ${number} goes from ${before} to ${offset}`);
  }

  /** Whether every record between two offsets is older than retention allows. */
  #isExpired(
    journal: LedgerJournal,
    partition: LedgerPartition,
    from: number,
    to: number,
    { retentionMs }: Policy,
  ): boolean {
    if (retentionMs < 0) return false;
    const expired = this.#now() + CLOCK_TOLERANCE_MS - retentionMs;
    return batchesIn(partition, from, to).every(
      (batch) => offsetsOf(batch).every((offset) => partition.removed.has(offset)) || timeOf(journal, batch) < expired,
    );
  }

  /** Once everything is sealed and every lag and retention is over: what has to go is gone. */
  checkRest(): void {
    for (const [pk, items] of this.#items) {
      for (const [sk, nextOffset] of items) {
        if (nextOffset <= (this.#segmentsFrom.get(pk) ?? 0))
          this.#report('leftOver', `the segment of ${pk} ${sk} has ended`);
      }
    }
    for (const journal of this.#ledger.journals.values()) {
      if (journal.closed) continue;
      for (const partition of journal.partitions.values()) this.#checkPartition(journal, partition);
    }
  }

  #checkPartition(journal: LedgerJournal, partition: LedgerPartition): void {
    const policy = this.#policy(journal);
    const at = `partition ${partition.partition} of ${journal.id}`;
    const expires = policy.deletes && policy.retentionMs >= 0 && policy.retentionMs <= HOUR_MS;
    if (expires && partition.logStart < partition.next) {
      return void this.#report('notCleaned', `${at}: records from ${partition.logStart} on have expired`);
    }
    if (!policy.compacts) return;
    const newest = newestOfKeys(partition, partition.next, Number.POSITIVE_INFINITY);
    for (const batch of batchesIn(partition, partition.logStart, partition.next)) {
      const { sent, base, transaction } = batch;
      if (sent === undefined) continue;
      for (const offset of offsetsOf(batch)) {
        if (partition.removed.has(offset)) continue;
        const isOld = offset < newest.get(keyAt(batch, offset) ?? '')!;
        if (!isOld && transaction?.outcome !== 'abort') continue;
        return void this.#report('notCleaned', `${at}: the record at ${offset} is still there (${sent.id} at ${base})`);
      }
    }
  }
}

function timeOf({ entries }: LedgerJournal, { sent, seq }: LedgerBatch): number {
  if (sent === undefined) return entries[seq]?.entry.time ?? 0;
  return Math.max(...recordsOf(sent).map(({ timestamp }) => timestamp));
}

/** What the batches from an offset on take at most. */
function bytesFrom(partition: LedgerPartition, offset: number): number {
  return batchesIn(partition, offset, partition.next).reduce(
    (sum, { sent }) =>
      sum + (sent === undefined ? MARKER_BYTES_MAX : sent.bytes.length + sent.records * RECORD_GROWTH_MAX),
    0,
  );
}
