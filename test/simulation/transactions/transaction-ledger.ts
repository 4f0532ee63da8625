import {
  decodeOffsetsBlock,
  OFFSETS_BLOCK_PARTITIONS,
  offsetsPk,
} from '../../../lib/storage/items/committed-offsets.ts';
import { journalId, slotOf } from '../../../lib/storage/items/journal-entry.ts';
import { decodeTopic, TOPIC_IDS_PK } from '../../../lib/storage/items/topic.ts';
import { decodeTransaction, TRANSACTION_SK, type TransactionState } from '../../../lib/storage/items/transaction.ts';
import type { Item } from '../../../lib/storage/ports.ts';
import type { GroupLedger } from '../groups/group-ledger.ts';
import { partitionKey } from '../groups/stored-group.ts';
import {
  batchIndexAt,
  journalOfPk,
  type Ledger,
  type LedgerJournal,
  type Report,
  type Transaction,
} from '../ledger.ts';
import type { SimTransaction, TransactionOffset } from './sim-transaction.ts';
import { Zombies } from './zombies.ts';

/** What may follow a status. */
const NEXT: Readonly<Record<TransactionState['status'], readonly TransactionState['status'][]>> = {
  Empty: ['Empty', 'Ongoing', 'PrepareAbort'],
  Ongoing: ['Ongoing', 'PrepareCommit', 'PrepareAbort'],
  PrepareCommit: ['CompleteCommit'],
  PrepareAbort: ['CompleteAbort'],
  CompleteCommit: ['Ongoing', 'Empty', 'PrepareAbort'],
  CompleteAbort: ['Ongoing', 'Empty', 'PrepareAbort'],
  Dead: ['Empty'],
};

/** By how much processes may be wrong about the store's time; ms. */
const TIME_TOLERANCE_MS = 1_500;

const NUMBERED = /^#(\d+)$/;

/** The last producer id and epoch that InitProducerId has told somebody. */
interface Fence {
  readonly producerId: number;
  readonly producerEpoch: number;
}

interface Pending {
  readonly of: SimTransaction;
  readonly since: number;
}

/**
 * What lands of transactions, held against what their producers have asked for and against the coordinator items as they stand
 * in the store at that moment, without the engine's code for transactions.
 */
export class TransactionLedger {
  readonly #ledger: Ledger;
  readonly #groups: GroupLedger;
  readonly #report: Report;
  readonly #now: () => number;
  readonly #states = new Map<string, TransactionState>();
  readonly #sims = new Map<string, SimTransaction>();
  readonly #ofPartition = new WeakMap<Transaction, SimTransaction>();
  readonly #offsets = new Map<number, { readonly of: SimTransaction; readonly offset: TransactionOffset }>();
  readonly #fences = new Map<string, Fence>();
  /** InitProducerIds that have no answer, which may fence at any time, and when the last one was answered. */
  readonly #inits = new Map<string, { open: number; answeredAt: number }>();
  readonly #journals = new Map<string, number>();
  /** By group and partition: the pending offsets that are there, by transaction, and since when. */
  readonly #pending = new Map<string, Map<string, Pending>>();
  /** The last offset that a committed transaction has left. */
  readonly #chain = new Map<string, number>();
  readonly #removed = new Set<string>();
  /** Transactions of which something has landed, and that are committed everywhere. */
  committed = 0;
  readonly zombies = new Zombies();

  readonly #monotonic: () => number;

  constructor(ledger: Ledger, groups: GroupLedger, report: Report, now: () => number, monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#ledger = ledger;
    this.#groups = groups;
    this.#report = report;
    this.#now = now;
  }

  /** The coordinator item as it stands in the store. */
  state(transactionalId: string): TransactionState | undefined {
    return this.#states.get(transactionalId);
  }

  /** Whether the item has this transaction open, and its time-out is not near. */
  isOpen({ transactionalId, producerId, producerEpoch }: SimTransaction): boolean {
    const state = this.state(transactionalId);
    if (state === undefined || state.producerId !== producerId || state.producerEpoch !== producerEpoch) return false;
    return state.status === 'Ongoing' && state.startedAt + state.timeoutMs > this.#now() + 2 * TIME_TOLERANCE_MS;
  }

  /** When a transaction may be ended by whoever meets it; undefined if it is over, or has no coordinator. */
  dueAt(transaction: Transaction): number | undefined {
    const sim = this.#ofPartition.get(transaction);
    const state = sim === undefined ? undefined : this.state(sim.transactionalId);
    if (state === undefined || state.transaction !== sim?.number) return undefined;
    if (state.status === 'Ongoing') return state.startedAt + state.timeoutMs;
    return isPrepared(state) ? state.updatedAt : undefined;
  }

  /** InitProducerId is about to be sent, and may fence until it is answered; returns what notes the answer. */
  inits(transactionalId: string): () => void {
    const inits = this.#inits.get(transactionalId) ?? { open: 0, answeredAt: 0 };
    this.#inits.set(transactionalId, inits);
    inits.open++;
    return () => {
      inits.open--;
      inits.answeredAt = this.#now();
    };
  }

  /** InitProducerId has answered: nothing of an older epoch lands from now on. */
  fences(transactionalId: string, producerId: number, producerEpoch: number): void {
    const known = this.#fences.get(transactionalId);
    if (known?.producerId === producerId && known.producerEpoch >= producerEpoch) return;
    if (known !== undefined && known.producerId > producerId) return;
    this.#fences.set(transactionalId, { producerId, producerEpoch });
  }

  /** A topic is about to be deleted: its partitions need no markers any more. */
  removes(topicId: string): void {
    this.zombies.deletes(topicId, this.#states.values());
    this.#removed.add(topicId);
  }

  /** TxnOffsetCommit is about to be sent. */
  sends(of: SimTransaction, offset: TransactionOffset): void {
    this.#offsets.set(offset.number, { of, offset });
  }

  /** EndTxn has answered without an error. */
  ended(sim: SimTransaction): void {
    const { name, asked, outcome, over, number } = sim;
    if (number === undefined) return;
    if (outcome !== asked)
      this.#report('endLost', `${name} was told of its ${asked}, and was ${outcome ?? 'not ended'}`);
    else if (!over) this.#report('torn', `${name} was told of its ${asked} before it was over`);
  }

  /** An entry has landed, that the ledger has taken. */
  landed(item: Item): void {
    const id = journalOfPk(item.pk);
    const journal = this.#ledger.journals.get(id);
    const landed = journal?.entries[slotOf(item.sk)];
    if (journal === undefined || landed === undefined) return;
    const { entry } = landed;
    if (entry.kind === 'leaderChange') this.zombies.leaderChanges(this.#hasOpen(journal));
    if (entry.kind !== 'records' && entry.kind !== 'markers') return;
    for (const meta of entry.batches) {
      const partition = journal.partitions.get(meta.partition);
      const batch = partition?.batches[batchIndexAt(partition, meta.baseOffset)];
      if (batch === undefined) continue;
      const { sent, transaction } = batch;
      const where = `${id}, partition ${meta.partition}, offset ${meta.baseOffset}`;
      if (sent?.of !== undefined && transaction !== undefined)
        this.#batch(sent.of, transaction, id, meta.partition, where);
      // In version 1 each finisher writes a marker, the last ones when the transaction is over; these end nothing.
      const endsNothing = transaction === undefined && this.#ledger.ofVersion1.has(meta.producerId);
      if (sent === undefined && entry.kind === 'markers' && !endsNothing) {
        this.#marker(entry, transaction === undefined ? undefined : this.#ofPartition.get(transaction), where);
      }
    }
  }

  #hasOpen({ partitions }: LedgerJournal): boolean {
    return [...partitions.values()].some(({ open }) => [...open.values()].some((one) => this.#ofPartition.has(one)));
  }

  #batch(sim: SimTransaction, transaction: Transaction, journal: string, partition: number, where: string): void {
    const { name, transactionalId, producerId, producerEpoch } = sim;
    const at = `${where}: a batch of ${name}, epoch ${producerEpoch}`;
    const fence = this.#fences.get(transactionalId);
    if (fence !== undefined && isFenced(sim, fence)) {
      return void this.#report('fenced', `${at} after InitProducerId has told of ${fence.producerEpoch}`);
    }
    const owner = this.#ofPartition.get(transaction) ?? sim;
    if (owner !== sim) return void this.#report('adopted', `${at} is in the transaction of ${owner.name}`);
    this.#ofPartition.set(transaction, sim);
    const state = this.state(transactionalId);
    const isIts = state !== undefined && state.producerId === producerId && epochOf(state) === producerEpoch;
    if (!isIts) return void this.#report('unfounded', `${at} while the item is ${describe(state)}`);
    const [topicId] = journal.split('/') as [string];
    if (state.partitions.get(topicId)?.has(partition) !== true) {
      return void this.#report('unfounded', `${at} while the item does not list the partition`);
    }
    this.#number(sim, state.transaction, at);
  }

  #marker(
    { producerId, producerEpoch, commit }: { producerId: number; producerEpoch: number; commit: boolean },
    sim: SimTransaction | undefined,
    where: string,
  ): void {
    const at = `${where}: a marker to ${commit ? 'commit' : 'abort'} epoch ${producerEpoch}`;
    const state = [...this.#states.values()].find((one) => one.producerId === producerId);
    if (state === undefined) return;
    const wanted = commit ? 'PrepareCommit' : 'PrepareAbort';
    if (state.status !== wanted || state.producerEpoch !== producerEpoch) {
      return void this.#report('unfounded', `${at} while the item is ${describe(state)}`);
    }
    if (sim !== undefined) this.#number(sim, state.transaction, at);
  }

  /** The coordinator's number of a transaction is that of no other. */
  #number(sim: SimTransaction, number: number, at: string): void {
    const key = `${sim.transactionalId}/${number}`;
    const owner = this.#sims.get(key) ?? sim;
    if (owner !== sim || (sim.number ?? number) !== number) {
      return void this.#report(
        'adopted',
        `${at} belongs to transaction ${number}, of ${owner.name}, not ${sim.number}`,
      );
    }
    if (sim.number === number) return;
    sim.number = number;
    this.#sims.set(key, sim);
    // It may be the first that lands of a transaction whose end is prepared, or over. None of it was acknowledged before, so that
    // its producer has not committed it.
    const { transaction, status } = this.state(sim.transactionalId)!;
    const isPast = transaction > number || status === 'CompleteAbort';
    if (isPast || status === 'PrepareAbort') sim.outcome = 'abort';
    sim.over = isPast;
  }

  /** A put has found another item than it had asked for. */
  lost(item: Item): void {
    if (isCoordinator(item)) this.zombies.lost(decodeTransaction(item.body));
  }

  /** An item of the state table has landed. */
  wrote(item: Item): void {
    if (item.pk === TOPIC_IDS_PK) this.#journals.set(item.sk, decodeTopic(item.body).journals);
    else if (isCoordinator(item)) this.#wroteItem(decodeTransaction(item.body));
    else if (item.pk.startsWith(offsetsPk(''))) this.#wroteBlock(item);
  }

  #wroteItem(state: TransactionState): void {
    const { transactionalId, status } = state;
    const before = this.#states.get(transactionalId);
    this.#states.set(transactionalId, state);
    if (before === undefined) return;
    const at = `${transactionalId} went from ${describe(before)} to ${describe(state)}`;
    if (!NEXT[before.status].includes(status)) return void this.#report('badTransition', at);
    const isRolledOver = before.producerId !== state.producerId;
    if (isRolledOver ? before.producerEpoch < EPOCH_EXHAUSTED : state.producerEpoch < before.producerEpoch) {
      return void this.#report('badTransition', at);
    }
    const isNew = status === 'Ongoing' && before.status !== 'Ongoing';
    if (isNew ? state.transaction <= before.transaction : state.transaction !== before.transaction) {
      return void this.#report('badTransition', at);
    }
    const sim = this.#sims.get(`${transactionalId}/${state.transaction}`);
    if (status === 'PrepareCommit') this.#committing(sim, before, at);
    if (status === 'PrepareAbort' && before.status === 'Ongoing') this.#aborting(sim, before, at);
    if (before.status !== status && status.startsWith('Complete')) this.#completed(sim, before, at);
  }

  #committing(sim: SimTransaction | undefined, before: TransactionState, at: string): void {
    if (sim === undefined) return;
    if (sim.asked !== 'commit') return void this.#report('endLost', `${at}; ${sim.name} asked for ${sim.asked}`);
    sim.outcome = 'commit';
    for (const { groupId, key, from, to } of sim.offsets) {
      if (!before.groups.has(groupId)) this.#report('torn', `${at}: ${sim.name} without its group ${groupId}`);
      const place = `${groupId} ${key}`;
      const last = this.#chain.get(place) ?? 0;
      if (last !== from) this.#report('fenced', `${at}: ${sim.name} read ${place} from ${from}, not ${last}`);
      this.#chain.set(place, to);
    }
  }

  #aborting(
    sim: SimTransaction | undefined,
    { transactionalId, startedAt, timeoutMs }: TransactionState,
    at: string,
  ): void {
    if (sim !== undefined) sim.outcome = 'abort';
    const isLate = startedAt + timeoutMs < this.#now() + TIME_TOLERANCE_MS;
    const { open, answeredAt } = this.#inits.get(transactionalId) ?? { open: 0, answeredAt: 0 };
    const isFence = open > 0 || answeredAt >= startedAt - TIME_TOLERANCE_MS;
    if (sim === undefined || sim.asked === 'abort' || isFence || isLate) return;
    this.#report('abortedEarly', `${at}: nobody asked for it`);
  }

  #completed(sim: SimTransaction | undefined, prepared: TransactionState, at: string): void {
    if (sim !== undefined) sim.over = true;
    for (const [topicId, partitions] of prepared.partitions) {
      if (this.#removed.has(topicId)) continue;
      for (const partition of partitions) {
        const journal = this.#ledger.journals.get(journalId(topicId, partition % (this.#journals.get(topicId) ?? 1)));
        if (journal === undefined || journal.closed) continue;
        const known = journal.partitions.get(partition);
        const epoch = known?.producers.get(prepared.producerId)?.epoch ?? -1;
        if (epoch < prepared.producerEpoch || known?.open.has(prepared.producerId) === true) {
          return void this.#report('torn', `${at} without a marker in partition ${partition} of ${journal.id}`);
        }
      }
    }
    if (prepared.status !== 'PrepareCommit') return;
    if (sim !== undefined) this.committed++;
    for (const { groupId, key, number } of sim?.offsets ?? []) {
      if (!this.#groups.group(groupId).standsSince(key, Number.NEGATIVE_INFINITY).has(number)) {
        return void this.#report('torn', `${at}: offset #${number} of ${key} in ${groupId} is not committed`);
      }
    }
  }

  /** OffsetFetch has told an offset as stable: that of no transaction that was open all the time. */
  toldStable(groupId: string, key: string, sentAt: number): void {
    for (const { of, since } of this.#pending.get(`${groupId} ${key}`)?.values() ?? []) {
      const state = this.state(of.transactionalId);
      const isOpen = state?.status === 'Ongoing' && state.transaction === of.number;
      if (since < sentAt && isOpen) this.#report('offsetUnstable', `${groupId} ${key}: ${of.name} is open`);
    }
  }

  #wroteBlock({ pk, sk, body }: Item): void {
    const block = decodeOffsetsBlock(body);
    const where = `${pk} ${sk}`;
    const topicId = sk.slice(0, sk.lastIndexOf('/'));
    const groupId = pk.slice(offsetsPk('').length);
    const pending = new Map<string, Map<string, Pending>>();
    for (const { transactionalId, transaction, offset, partition } of block.pending) {
      const known = this.#offsets.get(Number(NUMBERED.exec(offset?.metadata ?? '')?.[1]));
      if (known === undefined) continue;
      this.#number(known.of, transaction, `${where}: pending offset of partition ${partition}`);
      const place = `${groupId} ${partitionKey(topicId, partition)}`;
      const one = `${transactionalId}/${transaction}`;
      const since = this.#pending.get(place)?.get(one)?.since ?? this.#monotonic();
      pending.set(place, new Map([...(pending.get(place) ?? []), [one, { of: known.of, since }]]));
    }
    const first = Number(sk.slice(sk.lastIndexOf('/') + 1)) * OFFSETS_BLOCK_PARTITIONS;
    for (let partition = first; partition < first + OFFSETS_BLOCK_PARTITIONS; partition++) {
      const place = `${groupId} ${partitionKey(topicId, partition)}`;
      this.#pending.set(place, pending.get(place) ?? new Map());
    }
    for (const [partition, { metadata }] of block.committed) {
      const number = Number(NUMBERED.exec(metadata)?.[1]);
      const known = this.#offsets.get(number);
      if (known === undefined || this.#applied.has(number)) continue;
      this.#applied.add(number);
      const state = this.state(known.of.transactionalId);
      const at = `${where}: offset #${number} of ${known.of.name} in ${partitionKey(topicId, partition)}`;
      if (state?.status !== 'PrepareCommit' || state.transaction !== known.of.number) {
        this.#report('unfounded', `${at} is committed while the item is ${describe(state)}`);
      }
    }
  }

  readonly #applied = new Set<number>();
}

function isCoordinator({ pk, sk }: Item): boolean {
  return sk === TRANSACTION_SK && pk.startsWith('transaction/');
}

const EPOCH_EXHAUSTED = 32_766;

/** The epoch of the batches of the item's transaction. */
function epochOf({ status, producerEpoch, lastProducerEpoch, protocol }: TransactionState): number | undefined {
  if (status === 'Ongoing') return producerEpoch;
  if (!isPrepared({ status })) return undefined;
  return protocol === 2 ? lastProducerEpoch : producerEpoch;
}

function isPrepared({ status }: Pick<TransactionState, 'status'>): boolean {
  return status === 'PrepareCommit' || status === 'PrepareAbort';
}

function isFenced(sim: SimTransaction, { producerId, producerEpoch }: Fence): boolean {
  return sim.producerId === producerId ? sim.producerEpoch < producerEpoch : sim.producerId < producerId;
}

function describe(state: TransactionState | undefined): string {
  if (state === undefined) return 'not there';
  const { status, transaction, producerId, producerEpoch } = state;
  return `${status} #${transaction} (${producerId}/${producerEpoch})`;
}
