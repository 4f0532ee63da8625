import {
  decodeEntry,
  type Entry,
  type MarkersEntry,
  type Payload,
  type RecordsEntry,
} from '../../lib/journal/entry.ts';
import { decodeWalHeader } from '../../lib/journal/wal-object.ts';
import { BatchField } from '../../lib/records/batch.ts';
import { readInt64 } from '../../lib/records/int64.ts';
import { slotOf } from '../../lib/storage/items/journal-entry.ts';
import { hasWalHeader } from '../../lib/storage/items/wal-object.ts';
import type { Item } from '../../lib/storage/ports.ts';
import type { Check } from './checks.ts';
import { takeImport } from './imports/import-ledger.ts';
import { takeBatch, takeMarker } from './ledger-batches.ts';
import { takeReplace, takeSeal } from './ledger-seals.ts';
import type { SimTransaction } from './transactions/sim-transaction.ts';

/** A record batch as a simulated client made it. */
export interface Sent {
  /** Client, partition and number: what people read in a trace. */
  readonly id: string;
  readonly kind: 'idempotent' | 'plain' | 'transactional';
  readonly partition: number;
  readonly bytes: Buffer;
  readonly records: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  /** The transaction that it belongs to, where a coordinator decides on it. */
  readonly of?: SimTransaction;
  /** How often it was given to a broker. */
  sends: number;
}

/** A transaction in one partition. */
export interface Transaction {
  readonly producerId: number;
  readonly firstOffset: number;
  outcome: 'open' | 'commit' | 'abort';
}

export interface LedgerBatch {
  readonly base: number;
  readonly last: number;
  /** Undefined for a marker. */
  readonly sent: Sent | undefined;
  readonly transaction: Transaction | undefined;
  readonly seq: number;
}

export interface LedgerPartition {
  readonly partition: number;
  /** Every batch there ever was, by offset. */
  readonly batches: LedgerBatch[];
  next: number;
  logStart: number;
  readonly producers: Map<number, { epoch: number; lastSequence: number }>;
  readonly open: Map<number, Transaction>;
  /** When compaction has removed the records that are gone, by offset. */
  readonly removed: Map<number, number>;
  readonly seen: Map<string, number>;
}

export interface LandedEntry {
  readonly seq: number;
  readonly entry: Entry;
  readonly nonce: string;
  readonly size: number;
}

export interface LedgerJournal {
  readonly id: string;
  readonly entries: LandedEntry[];
  readonly partitions: Map<number, LedgerPartition>;
  closed: boolean;
  /** Set by an entry of a kind from a later program. */
  unknown: boolean;
  time: number;
  leaderEpoch: number;
  /** The last slot that a seal covers; -1 before the first seal. */
  sealedSeq: number;
  /** The same before the newest seal: the entries up to it are read from segments. */
  trimmableSeq: number;
}

export type Report = (kind: Check, message: string) => void;

/**
 * What really is in the journals, by what landed in the store and nothing else: every entry is decoded when it lands and held
 * against the rules, without asking the engine's own `apply` and `decideAppend`.
 */
export class Ledger {
  readonly journals = new Map<string, LedgerJournal>();
  /** Producer ids of transactions version 1, whose markers may come again. */
  readonly ofVersion1 = new Set<number>();
  readonly #sent = new Map<number, Sent>();
  readonly #blobs = new Map<string, Buffer>();
  /** Entries in the store by the object they name. */
  readonly #named = new Map<string, number>();
  readonly report: Report;
  readonly #now: () => number;

  constructor(report: Report, now: () => number) {
    this.report = report;
    this.#now = now;
  }

  /** Makes a batch known before it is sent. Batches are told apart by their checksums; false if that one is taken. */
  expect(sent: Sent): boolean {
    const crc = sent.bytes.readUInt32BE(BatchField.crc);
    if (this.#sent.has(crc)) return false;
    this.#sent.set(crc, sent);
    return true;
  }

  identify(bytes: Buffer): Sent | undefined {
    return this.#sent.get(bytes.readUInt32BE(BatchField.crc));
  }

  stored(key: string, bytes: Buffer): void {
    this.#blobs.set(key, bytes);
  }

  removed(key: string): void {
    this.#blobs.delete(key);
    if ((this.#named.get(key) ?? 0) > 0) this.report('objectMissing', `${key} is named by an entry and was deleted`);
  }

  /** An object's bytes, if it is there. */
  object(key: string): Buffer | undefined {
    return this.#blobs.get(key);
  }

  wasNamed(key: string): boolean {
    return this.#named.has(key);
  }

  isNamed(key: string): boolean {
    return (this.#named.get(key) ?? 0) > 0;
  }

  partition(journal: string, partition: number): LedgerPartition | undefined {
    return this.journals.get(journal)?.partitions.get(partition);
  }

  deleted(item: Item): void {
    const journal = this.journals.get(journalOfPk(item.pk));
    const landed = journal?.entries[slotOf(item.sk)];
    if (journal !== undefined && landed !== undefined && landed.seq > journal.trimmableSeq) this.#unname(landed.entry);
  }

  /** From now on, the entries up to `seq` are read from segments. */
  trimmable(journal: LedgerJournal, seq: number): void {
    for (const { entry } of journal.entries.slice(journal.trimmableSeq + 1, seq + 1)) this.#unname(entry);
    journal.trimmableSeq = seq;
  }

  #unname(entry: Entry): void {
    const key = objectOf(entry);
    if (key !== undefined) this.#named.set(key, this.#named.get(key)! - 1);
  }

  wrote(item: Item): void {
    const id = journalOfPk(item.pk);
    const seq = slotOf(item.sk);
    const journal = this.#journal(id);
    if (journal.unknown) return void this.report('afterUnknown', `slot ${seq} of ${id} follows an unknown entry`);
    if (item.body[1] === UNKNOWN_KIND) {
      journal.unknown = true;
      return;
    }
    const entry = decodeEntry(item.body);
    const expected = journal.entries.length;
    const where = `slot ${seq} of ${id}`;
    if (seq < expected)
      return void this.report('slotReused', `${where} was written again, ${expected} slots were filled`);
    if (seq > expected) return void this.report('slotGap', `${where} was written, ${expected} is the next`);
    if ((seq === 0) !== (entry.kind === 'leaderChange' && entry.leaderEpoch === 0)) {
      return void this.report('slotZero', `${where} is a ${entry.kind} entry`);
    }
    if (journal.closed) return void this.report('afterClose', `${where} follows the close entry`);
    if (entry.time < journal.time) this.report('timeBack', `${where} has time ${entry.time} after ${journal.time}`);
    if (entry.time > this.#now() + CLOCK_TOLERANCE_MS) {
      this.report('timeAhead', `${where} has time ${entry.time} at ${this.#now()}`);
    }
    journal.time = entry.time;
    journal.entries.push({ seq, entry, nonce: item.nonce, size: item.body.length });
    switch (entry.kind) {
      case 'records':
      case 'markers':
        this.#take(journal, seq, entry);
        break;
      case 'leaderChange':
        if (seq > 0 && entry.leaderEpoch <= journal.leaderEpoch) this.report('badControl', where);
        journal.leaderEpoch = entry.leaderEpoch;
        break;
      case 'logStart':
        for (const { partition, offset } of entry.starts) {
          const known = partitionOf(journal, partition);
          if (offset > known.next) this.report('badControl', `${where}: partition ${partition} to ${offset}`);
          known.logStart = Math.max(known.logStart, offset);
        }
        break;
      case 'seal':
        takeSeal(this, journal, entry, where);
        break;
      case 'replace':
        takeReplace(this, journal, entry, where);
        break;
      case 'import':
        takeImport(this, journal, entry, where);
        break;
      case 'close':
        journal.closed = true;
        break;
    }
  }

  #take(journal: LedgerJournal, seq: number, entry: RecordsEntry | MarkersEntry): void {
    const { payload } = entry;
    const where = `slot ${seq} of ${journal.id}`;
    let bytes: Buffer;
    if (payload.kind === 'inline') {
      bytes = payload.bytes;
    } else {
      const object = this.#blobs.get(payload.key);
      this.#named.set(payload.key, (this.#named.get(payload.key) ?? 0) + 1);
      if (object === undefined)
        return void this.report('objectMissing', `${where} names ${payload.key}, which is not there`);
      if (hasWalHeader(payload.key) && !headerNames(journal.id, payload, object)) {
        return void this.report('altered', `${where} names a stretch of ${payload.key} that its header does not`);
      }
      bytes = object.subarray(payload.start, payload.start + payload.length);
    }
    for (const meta of entry.batches) {
      const batch = bytes.subarray(meta.position, meta.position + meta.size);
      const partition = partitionOf(journal, meta.partition);
      const at = `${where}, partition ${meta.partition}, offset ${meta.baseOffset}`;
      if (meta.baseOffset < partition.next)
        return void this.report('offsetTwice', `${at}: ${partition.next} is the next`);
      if (meta.baseOffset > partition.next)
        return void this.report('offsetGap', `${at}: ${partition.next} is the next`);
      if (payload.kind === 'inline' && readInt64(batch, BatchField.baseOffset) !== meta.baseOffset) {
        return void this.report('altered', `${at}: the bytes say ${readInt64(batch, BatchField.baseOffset)}`);
      }
      if (entry.kind === 'markers') takeMarker(this, partition, entry, meta, seq, at);
      else takeBatch(this, partition, meta, batch, seq, at);
      partition.next = meta.baseOffset + meta.lastOffsetDelta + 1;
    }
  }

  #journal(id: string): LedgerJournal {
    let journal = this.journals.get(id);
    if (journal === undefined) {
      const head = { closed: false, unknown: false, time: 0, leaderEpoch: 0, sealedSeq: -1, trimmableSeq: -1 };
      journal = { id, entries: [], partitions: new Map(), ...head };
      this.journals.set(id, journal);
    }
    return journal;
  }
}

/** What an entry of a kind that no program knows yet has in its second byte. */
export const UNKNOWN_KIND = 99;

/** A writer's estimate of the store's time may be ahead of it by the coarseness of the answers' times; ms. */
const CLOCK_TOLERANCE_MS = 1_000;

const PK_PREFIX = 'journal/';

export function journalOfPk(pk: string): string {
  return pk.slice(PK_PREFIX.length);
}

export function objectOf(entry: Entry): string | undefined {
  const named = (entry.kind === 'records' || entry.kind === 'markers') && entry.payload.kind === 'wal';
  return named ? (entry.payload as { key: string }).key : undefined;
}

/** Whether an object's header says that this stretch of it is the journal's. */
function headerNames(journal: string, { key, start, length }: Extract<Payload, { kind: 'wal' }>, object: Buffer) {
  const { stretches } = decodeWalHeader(key, object);
  return stretches.some((row) => row.journal === journal && row.start === start && row.length === length);
}

export function partitionOf(journal: LedgerJournal, partition: number): LedgerPartition {
  let known = journal.partitions.get(partition);
  if (known === undefined) {
    known = {
      partition,
      batches: [],
      next: 0,
      logStart: 0,
      producers: new Map(),
      open: new Map(),
      removed: new Map(),
      seen: new Map(),
    };
    journal.partitions.set(partition, known);
  }
  return known;
}

/** The first offset of a transaction that is not decided, or the end; never below the log start. */
export function stableEnd(partition: LedgerPartition): number {
  let stable = partition.next;
  for (const transaction of partition.open.values()) stable = Math.min(stable, transaction.firstOffset);
  return Math.max(stable, partition.logStart);
}

/** Whether compaction has removed everything from `from` up to `to`, which is excluded. */
export function isRemoved({ removed }: LedgerPartition, from: number, to: number): boolean {
  for (let offset = from; offset < to; offset++) if (!removed.has(offset)) return false;
  return true;
}

/** The index of the batch that holds `offset`; -1 if none does. */
export function batchIndexAt(partition: LedgerPartition, offset: number): number {
  const { batches } = partition;
  let low = 0;
  let high = batches.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const batch = batches[middle]!;
    if (offset < batch.base) high = middle - 1;
    else if (offset > batch.last) low = middle + 1;
    else return middle;
  }
  return -1;
}
