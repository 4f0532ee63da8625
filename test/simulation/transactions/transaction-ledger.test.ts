import { describe, expect, it } from 'vitest';
import { type BatchMeta, type Entry, encodeEntry } from '../../../lib/journal/entry.ts';
import { patchBatch } from '../../../lib/records/batch.ts';
import {
  type CommittedOffset,
  encodeOffsetsBlock,
  offsetsPk,
  offsetsSk,
  type PendingOffset,
} from '../../../lib/storage/items/committed-offsets.ts';
import { encodeGroupHead, GROUP_HEAD_SK } from '../../../lib/storage/items/group-head.ts';
import { entryPk, entrySk, journalId } from '../../../lib/storage/items/journal-entry.ts';
import {
  encodeTransaction,
  TRANSACTION_SK,
  type TransactionState,
  transactionPk,
} from '../../../lib/storage/items/transaction.ts';
import { batchOf } from '../../support/requests.ts';
import type { Cluster } from '../cluster.ts';
import { GroupLedger, NOBODY } from '../groups/group-ledger.ts';
import { partitionKey } from '../groups/stored-group.ts';
import type { Instance } from '../instance.ts';
import { Ledger, type Sent } from '../ledger.ts';
import { HeldReader } from './held-reader.ts';
import type { SimTransaction, TransactionOffset } from './sim-transaction.ts';
import { TransactionLedger } from './transaction-ledger.ts';

const TOPIC = 'AAAAAAAAAAAAAAAAAAAAAQ';
const JOURNAL = journalId(TOPIC, 0);
const ID = 'orders';
const GROUP = 'totals';
const PRODUCER_ID = 7;
const NOW = 50_000;

/** One transactional id that writes to partition 0 of one journal, and commits offsets of one group. */
class Story {
  readonly found: string[] = [];
  readonly #report = (kind: string, message: string) => this.found.push(`${kind}: ${message}`);
  readonly ledger = new Ledger(this.#report, () => NOW);
  readonly groups = new GroupLedger(this.#report, () => NOW);
  now = NOW;
  readonly transactions = new TransactionLedger(
    this.ledger,
    this.groups,
    this.#report,
    () => this.now,
    () => this.now,
  );
  #seq = 0;
  #version = 0;
  #next = 0;
  #state: TransactionState = {
    transactionalId: ID,
    status: 'Empty',
    transaction: 100,
    producerId: PRODUCER_ID,
    producerEpoch: 0,
    lastProducerEpoch: -1,
    previousProducerId: PRODUCER_ID,
    nextProducerId: -1,
    protocol: 2,
    timeoutMs: 10_000,
    partitions: new Map(),
    groups: new Set(),
    startedAt: -1,
    updatedAt: NOW,
  };

  constructor() {
    this.#push({ kind: 'leaderChange', time: 100, leaderEpoch: 0, leader: 0 });
    this.becomes('Empty', {});
    const head = { state: 'Empty', generation: 0 };
    const body = encodeGroupHead({
      ...{ kind: 'group', type: 'classic', since: 1, head, body: { kind: 'inline', json: [] } },
    });
    this.groups.wrote({ pk: `group/${GROUP}`, sk: GROUP_HEAD_SK, version: 0, nonce: 'n', body });
  }

  get kinds(): string[] {
    return this.found.map((one) => one.slice(0, one.indexOf(':')));
  }

  #push(entry: Entry): void {
    const seq = this.#seq++;
    const item = { pk: entryPk(JOURNAL), sk: entrySk(seq), version: seq, nonce: `${seq}`, body: encodeEntry(entry) };
    this.ledger.wrote(item);
    this.transactions.landed(item);
  }

  begin(producerEpoch: number, fields: Partial<SimTransaction> = {}): SimTransaction {
    return {
      ...{ name: `e${producerEpoch}`, transactionalId: ID, producerId: PRODUCER_ID, producerEpoch, protocol: 2 },
      ...{ asked: 'nothing', batches: [], offsets: [], number: undefined, outcome: undefined, over: false },
      ...fields,
    };
  }

  becomes(status: TransactionState['status'], fields: Partial<TransactionState>): void {
    this.#state = { ...this.#state, status, ...fields };
    const body = encodeTransaction(this.#state);
    const item = { pk: transactionPk(ID), sk: TRANSACTION_SK, version: this.#version++, nonce: 'n', body };
    this.transactions.wrote(item);
  }

  ongoing(transaction: number, producerEpoch: number): void {
    const partitions = new Map([[TOPIC, new Set([0])]]);
    this.becomes('Ongoing', { transaction, producerEpoch, partitions, groups: new Set([GROUP]), startedAt: this.now });
  }

  prepares(status: 'PrepareCommit' | 'PrepareAbort'): void {
    const { producerEpoch } = this.#state;
    this.becomes(status, { producerEpoch: producerEpoch + 1, lastProducerEpoch: producerEpoch });
  }

  lands(of: SimTransaction): void {
    const { producerId, producerEpoch } = of;
    const producer = { producerId, producerEpoch, baseSequence: 0 };
    const bytes = batchOf([`${this.#seq}`], { timestamp: 1, ...producer, isTransactional: true });
    const sent: Sent = {
      ...{ id: `${this.#seq}`, kind: 'transactional', partition: 0, bytes, records: 1, ...producer, sends: 1, of },
    };
    this.ledger.expect(sent);
    const final = Buffer.from(bytes);
    patchBatch(final, this.#next, 0);
    const batch = this.#meta(producer, final.length, false);
    this.#push({ kind: 'records', time: 1_000, batches: [batch], payload: { kind: 'inline', bytes: final } });
  }

  marker(producerEpoch: number, commit: boolean): void {
    const bytes = Buffer.alloc(78);
    bytes.writeBigInt64BE(BigInt(this.#next));
    const producer = { producerId: PRODUCER_ID, producerEpoch, baseSequence: -1 };
    const batch = this.#meta(producer, bytes.length, true);
    const payload = { kind: 'inline', bytes } as const;
    this.#push({ kind: 'markers', time: 1_000, ...producer, commit, batches: [batch], payload });
  }

  #meta(
    producer: Pick<BatchMeta, 'producerId' | 'producerEpoch' | 'baseSequence'>,
    size: number,
    control: boolean,
  ): BatchMeta {
    const place = { partition: 0, baseOffset: this.#next++, lastOffsetDelta: 0, maxTimestamp: 1, position: 0 };
    return { ...place, ...producer, transactional: true, control, size };
  }

  sends(of: SimTransaction, from: number, to: number): TransactionOffset {
    const key = partitionKey(TOPIC, 0);
    const { number } = this.groups.commit(GROUP, NOBODY, key, to);
    const offset: TransactionOffset = { number, groupId: GROUP, key, from, to };
    this.transactions.sends(of, offset);
    return offset;
  }

  block(committed: readonly TransactionOffset[], pending: readonly [TransactionOffset, transaction: number][]): void {
    const row = ({ number, to }: TransactionOffset): CommittedOffset => ({
      ...{ offset: to, leaderEpoch: -1, metadata: `#${number}`, at: 0 },
    });
    const body = encodeOffsetsBlock({
      ...{ topicName: 'in', groupSince: 1, stamp: -1, stamps: new Map() },
      committed: new Map(committed.map((one) => [0, row(one)])),
      pending: pending.map(
        ([one, transaction]): PendingOffset => ({ partition: 0, transactionalId: ID, transaction, offset: row(one) }),
      ),
    });
    const item = { pk: offsetsPk(GROUP), sk: offsetsSk(TOPIC, 0), version: this.#version++, nonce: 'n', body };
    this.groups.wrote(item);
    this.transactions.wrote(item);
  }
}

/** A transaction with a batch and a pending offset. */
function opened(): { story: Story; sim: SimTransaction; offset: TransactionOffset } {
  const story = new Story();
  const sim = story.begin(0);
  story.ongoing(101, 0);
  story.lands(sim);
  const offset = story.sends(sim, 0, 3);
  story.block([], [[offset, 101]]);
  return { story, sim, offset };
}

describe('the ledger of transactions', () => {
  it('takes a transaction that commits', () => {
    const { story, sim, offset } = opened();
    sim.offsets.push(offset);
    sim.asked = 'commit';
    story.prepares('PrepareCommit');
    story.marker(1, true);
    story.block([offset], []);
    story.becomes('CompleteCommit', { partitions: new Map(), groups: new Set() });
    story.transactions.ended(sim);
    expect(story.found).toEqual([]);
  });

  it('reports an answer to EndTxn before the transaction is over, and with another outcome', () => {
    const early = opened();
    early.sim.asked = 'commit';
    early.story.prepares('PrepareCommit');
    early.story.transactions.ended(early.sim);
    expect(early.story.kinds).toEqual(['torn']);
    const lost = opened();
    lost.sim.asked = 'commit';
    lost.story.now += 20_000;
    lost.story.prepares('PrepareAbort');
    lost.story.transactions.ended(lost.sim);
    expect(lost.story.kinds).toEqual(['endLost']);
  });

  it('takes a transaction whose first batch lands while its abort is prepared', () => {
    const story = new Story();
    const sim = story.begin(0);
    story.ongoing(101, 0);
    sim.asked = 'abort';
    story.prepares('PrepareAbort');
    story.lands(sim);
    story.marker(1, false);
    story.becomes('CompleteAbort', { partitions: new Map(), groups: new Set() });
    story.transactions.ended(sim);
    expect(story.found).toEqual([]);
  });

  it('takes a pending offset that lands when its transaction is over, and the next one has begun', () => {
    const story = new Story();
    const sim = story.begin(0);
    const offset = story.sends(sim, 0, 3);
    story.ongoing(101, 0);
    sim.asked = 'abort';
    story.prepares('PrepareAbort');
    story.marker(1, false);
    story.becomes('CompleteAbort', {});
    story.ongoing(102, 1);
    story.block([], [[offset, 101]]);
    story.transactions.ended(sim);
    expect(story.found).toEqual([]);
  });

  it('reports a batch without an open transaction, and one of a partition that is not listed', () => {
    const empty = new Story();
    empty.lands(empty.begin(0));
    expect(empty.kinds).toEqual(['unfounded']);
    const elsewhere = new Story();
    elsewhere.becomes('Ongoing', { transaction: 101, partitions: new Map(), startedAt: NOW });
    elsewhere.lands(elsewhere.begin(0));
    expect(elsewhere.kinds).toEqual(['unfounded']);
  });

  it('reports a batch of an epoch that InitProducerId has fenced', () => {
    const { story, sim } = opened();
    story.transactions.fences(ID, PRODUCER_ID, 2);
    story.lands(sim);
    expect(story.kinds).toContain('fenced');
  });

  it('reports a marker of a transaction that is not prepared, and one with another outcome', () => {
    const ongoing = opened().story;
    ongoing.marker(1, true);
    expect(ongoing.kinds).toEqual(['unfounded']);
    const aborted = opened();
    aborted.sim.asked = 'abort';
    aborted.story.prepares('PrepareAbort');
    aborted.story.marker(1, true);
    expect(aborted.story.kinds).toEqual(['unfounded']);
  });

  it('reports the end of a transaction without its marker, and without its offset', () => {
    const unmarked = opened();
    unmarked.sim.asked = 'commit';
    unmarked.story.prepares('PrepareCommit');
    unmarked.story.becomes('CompleteCommit', {});
    expect(unmarked.story.kinds).toEqual(['torn']);
    const { story, sim, offset } = opened();
    sim.offsets.push(offset);
    sim.asked = 'commit';
    story.prepares('PrepareCommit');
    story.marker(1, true);
    story.becomes('CompleteCommit', {});
    expect(story.kinds).toEqual(['torn']);
  });

  it('reports an offset that is applied although its transaction aborts, or is over', () => {
    const { story, sim, offset } = opened();
    sim.asked = 'abort';
    story.prepares('PrepareAbort');
    story.block([offset], []);
    expect(story.kinds).toEqual(['unfounded']);
  });

  it('reports a pending offset in a transaction of another one', () => {
    const { story, sim, offset } = opened();
    sim.asked = 'abort';
    story.prepares('PrepareAbort');
    story.marker(1, false);
    story.becomes('CompleteAbort', {});
    story.ongoing(102, 1);
    story.block([], [[offset, 102]]);
    expect(story.kinds).toEqual(['adopted']);
  });

  it('reports an outcome that nobody asked for', () => {
    const committed = opened();
    committed.sim.asked = 'abort';
    committed.story.prepares('PrepareCommit');
    expect(committed.story.kinds).toEqual(['endLost']);
    const early = opened().story;
    early.prepares('PrepareAbort');
    expect(early.kinds).toEqual(['abortedEarly']);
    const late = opened().story;
    late.now += 20_000;
    late.prepares('PrepareAbort');
    expect(late.found).toEqual([]);
  });

  it('reports a commit that does not begin where the last one has stopped', () => {
    const { story, sim } = opened();
    sim.offsets.push({ number: 9, groupId: GROUP, key: partitionKey(TOPIC, 0), from: 5, to: 6 });
    sim.asked = 'commit';
    story.prepares('PrepareCommit');
    expect(story.kinds).toEqual(['fenced']);
  });

  it('reports states that do not follow from each other, and epochs and numbers that go back', () => {
    for (const [status, fields] of [
      ['Empty', {}],
      ['CompleteCommit', {}],
      ['Ongoing', { producerEpoch: -1 }],
      ['Ongoing', { transaction: 102 }],
    ] as const) {
      const { story } = opened();
      story.becomes(status, fields);
      expect(story.kinds, status).toEqual(['badTransition']);
    }
  });

  it('reports an offset that is told as stable while its transaction is open', () => {
    const { story } = opened();
    story.now += 10;
    story.transactions.toldStable(GROUP, partitionKey(TOPIC, 0), NOW + 1);
    expect(story.kinds).toEqual(['offsetUnstable']);
  });
});

describe('a reader behind an open transaction', () => {
  const here = {} as Instance;
  const there = {} as Instance;
  /** Past the time-out of ten seconds, and what is allowed beyond it. */
  const LATE = NOW + 10_000 + 11_600;

  function waiting(calmAt = 0) {
    const { story, sim } = opened();
    const world = {
      clock: { now: () => story.now, monotonic: () => story.now },
      transactions: story.transactions,
      report: (kind: string, message: string) => story.found.push(`${kind}: ${message}`),
    };
    const reader = new HeldReader({ world, calmFrom: () => calmAt } as unknown as Cluster, 'c0');
    const waits = (at: number, instance = here) => {
      story.now = at;
      reader.waits(story.ledger.partition(JOURNAL, 0)!, 0, instance);
    };
    return { story, sim, reader, waits };
  }

  it('is held back once the transaction is overdue by more than ten seconds', () => {
    const { story, waits } = waiting();
    for (const at of [NOW, LATE - 200]) waits(at);
    expect(story.found).toEqual([]);
    waits(LATE);
    expect(story.kinds).toEqual(['heldBack']);
  });

  it('is not while something goes wrong, nor where it has just come to another process or back', () => {
    const troubled = waiting(LATE);
    for (const at of [NOW, LATE]) troubled.waits(at);
    const wandering = waiting();
    wandering.waits(NOW);
    wandering.waits(LATE, there);
    const cut = waiting();
    cut.waits(NOW);
    cut.reader.interrupted();
    cut.waits(LATE);
    for (const { story } of [troubled, wandering, cut]) expect(story.found).toEqual([]);
  });

  it('is not by a transaction that is over', () => {
    const { story, sim, waits } = waiting();
    waits(NOW);
    sim.asked = 'abort';
    story.prepares('PrepareAbort');
    story.marker(1, false);
    story.becomes('CompleteAbort', { partitions: new Map(), groups: new Set() });
    waits(LATE);
    expect(story.found).toEqual([]);
  });
});
