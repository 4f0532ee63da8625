import { slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { decodeLeader } from '../../../lib/storage/items/leader.ts';
import { decodeNode } from '../../../lib/storage/items/node.ts';
import type { Item } from '../../../lib/storage/ports.ts';
import type { Instance } from '../instance.ts';
import { journalOfPk, type Ledger, type LedgerJournal, type Report } from '../ledger.ts';

/** A leader change as it landed. */
export interface Reign {
  readonly seq: number;
  readonly epoch: number;
  readonly leader: number;
  /** Undefined for slot 0 and for what no process wrote by itself. */
  readonly writer: Instance | undefined;
}

/** Where an epoch ended in a partition. */
export interface EpochEnd {
  readonly epoch: number;
  readonly endOffset: number;
}

/** Who may lead what, by what landed in the store, and what nodes have told their clients of it. */
export class LeadershipLedger {
  readonly #ledger: Ledger;
  readonly #report: Report;
  readonly #writers = new Map<string, Instance>();
  readonly #reigns = new Map<string, Reign[]>();
  readonly #told = new Map<string, number>();
  takeovers = 0;

  constructor(ledger: Ledger, report: Report) {
    this.#ledger = ledger;
    this.#report = report;
  }

  /** A process is about to append an entry with this nonce. */
  appends(nonce: string, by: Instance): void {
    this.#writers.set(nonce, by);
  }

  /** An entry landed; to be called once the ledger has it. */
  landed(item: Item): void {
    const id = journalOfPk(item.pk);
    const seq = slotOf(item.sk);
    const entry = this.#ledger.journals.get(id)?.entries[seq]?.entry;
    const writer = this.#writers.get(item.nonce);
    let reigns = this.#reigns.get(id);
    if (reigns === undefined) {
      reigns = [];
      this.#reigns.set(id, reigns);
    }
    if (entry?.kind === 'leaderChange') {
      reigns.push({ seq, epoch: entry.leaderEpoch, leader: entry.leader, writer });
      if (seq > 0) this.takeovers++;
    } else if (entry?.kind === 'records' && writer?.leads === true) {
      const reign = reigns.at(-1);
      if (reign?.writer === writer) return;
      const whose = reign?.writer === undefined ? 'nobody' : reign.writer.name;
      this.#report(
        'foreignEpoch',
        `slot ${seq} of ${id} is of ${writer.name}, epoch ${reign?.epoch ?? -1} was taken over by ${whose}`,
      );
    }
  }

  /** A leader item was written. */
  wrote(item: Item): void {
    const { journal, leaderEpoch, leader } = decodeLeader(item.body);
    const reign = this.#reigns.get(journal)?.find(({ epoch }) => epoch === leaderEpoch);
    if (reign?.leader === leader && item.version === leaderEpoch) return;
    const there = reign === undefined ? 'there is no such takeover' : `it is of node ${reign.leader}`;
    this.#report('leaderUnfounded', `${journal} has a leader item of node ${leader}, epoch ${leaderEpoch}: ${there}`);
  }

  /** A node's item was written, at this store time. */
  wroteNode(item: Item, before: Item | undefined, now: number): void {
    if (before === undefined) return;
    const was = decodeNode(before.body);
    const is = decodeNode(item.body);
    if (was.left || was.incarnation === is.incarnation || now >= was.at + was.sessionMs) return;
    this.#report(
      'nodeIdTaken',
      `node ${is.nodeId} passed on ${was.at + was.sessionMs - now} ms before its session ended`,
    );
  }

  /** What a node has told so far; to be asked before it is asked. */
  toldBy(node: Instance, journal: string): number {
    return this.#told.get(`${node.name} ${journal}`) ?? -1;
  }

  /** A node told the epoch of a journal; `floor` is what `toldBy` said when it was asked. */
  told(node: Instance, journal: string, epoch: number, floor: number): void {
    const newest = this.#ledger.journals.get(journal)?.leaderEpoch ?? 0;
    if (epoch < floor) this.#report('epochTold', `${node.name} told epoch ${epoch} of ${journal} after ${floor}`);
    if (epoch > newest)
      this.#report('epochTold', `${node.name} told epoch ${epoch} of ${journal}, which is at ${newest}`);
    const key = `${node.name} ${journal}`;
    this.#told.set(key, Math.max(this.#told.get(key) ?? -1, epoch));
  }

  /** A node served a request that named epoch `asked`; `floor` as above. */
  served(node: Instance, journal: string, asked: number, floor: number): void {
    if (asked < 0) return;
    const newest = this.#ledger.journals.get(journal)?.leaderEpoch ?? 0;
    const where = `${node.name} served ${journal} under epoch ${asked}`;
    if (asked < floor) this.#report('epochServed', `${where}, having told ${floor}`);
    if (asked > newest) this.#report('epochServed', `${where}, which is at ${newest}`);
  }

  /** Where `epoch` ended in a partition, by the log as it is. */
  endOf(journal: string, partition: number, epoch: number): EpochEnd {
    const known = this.#ledger.journals.get(journal);
    const end = known?.partitions.get(partition)?.next ?? 0;
    const current = known?.leaderEpoch ?? 0;
    if (epoch > current) return { epoch: -1, endOffset: -1 };
    if (epoch === current) return { epoch, endOffset: end };
    let before = epoch;
    for (const batch of batchesOf(known, partition)) {
      const written = this.reignAt(journal, batch.seq)?.epoch ?? 0;
      if (written > epoch) return { epoch: before, endOffset: batch.base };
      before = written;
    }
    return { epoch: before, endOffset: end };
  }

  /** The leader change that held in a slot. */
  reignAt(journal: string, seq: number): Reign | undefined {
    return this.#reigns.get(journal)?.findLast((reign) => reign.seq <= seq);
  }
}

function batchesOf(journal: LedgerJournal | undefined, partition: number) {
  return journal?.partitions.get(partition)?.batches ?? [];
}
