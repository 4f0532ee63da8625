import { assert } from '../core/assert.ts';
import type { Failure } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { OpenTransactions, PartitionsToJoin } from '../log/open-transactions.ts';
import type { GroupToJoin, JoinedGroup } from '../offsets/transactions.ts';
import type { TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import { decideAdd, decideVerify } from './decide-add.ts';
import { hasTimedOut } from './decide-end.ts';
import { refused, type TransactionDecision } from './decision.ts';
import type { StoredTransaction, TransactionItems, TransactionStep } from './transaction-items.ts';

/** Additions of one producer that wait for the one in progress. */
interface Gathered {
  readonly request: PartitionsToJoin;
  readonly partitions: Map<Uuid, Set<number>>;
}

/**
 * Answers the log's writers (rule R14). One put on an item at a time: what writers ask for meanwhile
 * shares the next one. It writes no markers, so that no writer waits for its own journal.
 */
export class Joining implements OpenTransactions {
  readonly #items: TransactionItems;
  readonly #reads = new SharedReads<string, StoredTransaction | undefined>();
  readonly #adds = new SharedReads<string, Failure | undefined>();
  readonly #gathered = new Map<string, Gathered>();

  constructor(items: TransactionItems) {
    this.#items = items;
  }

  /** See OpenTransactions. */
  join(request: PartitionsToJoin): Promise<Failure | undefined> {
    return request.protocol === 2 ? this.#add(request) : this.#verify(request);
  }

  /** See OffsetTransactions. */
  async joinGroup({ transactionalId, protocol, groupId, ...producer }: GroupToJoin): Promise<JoinedGroup> {
    const request = { ...producer, partitions: new Map(), groups: [groupId] };
    const step = await this.#items.step(
      transactionalId,
      (state, now) =>
        late(state, now) ?? (protocol === 2 ? decideAdd(state, request, now) : decideVerify(state, request)),
    );
    const failure = failureOf(step);
    if (failure !== undefined) return { kind: 'refused', ...failure };
    assert('stored' in step, `a step ${step.kind} has no state`);
    return { kind: 'open', transaction: step.stored.state.transaction };
  }

  async #verify(request: PartitionsToJoin): Promise<Failure | undefined> {
    const { transactionalId } = request;
    const stored = await this.#reads.read(transactionalId, () => this.#items.read(transactionalId));
    const now = this.#items.now();
    return failureOf(late(stored?.state, now) ?? decideVerify(stored?.state, { ...request, groups: [] }));
  }

  #add(request: PartitionsToJoin): Promise<Failure | undefined> {
    const { transactionalId, producerId, producerEpoch } = request;
    const key = `${producerId}/${producerEpoch}/${transactionalId}`;
    let gathered = this.#gathered.get(key);
    if (gathered === undefined) {
      gathered = { request, partitions: new Map() };
      this.#gathered.set(key, gathered);
    }
    for (const [topicId, added] of request.partitions) {
      gathered.partitions.set(topicId, new Set([...(gathered.partitions.get(topicId) ?? []), ...added]));
    }
    return this.#adds.read(key, async () => {
      const { partitions } = this.#gathered.get(key)!;
      this.#gathered.delete(key);
      const step = await this.#items.step(
        transactionalId,
        (state, now) =>
          late(state, now) ?? decideAdd(state, { producerId, producerEpoch, partitions, groups: [] }, now),
      );
      return failureOf(step);
    });
  }
}

function failureOf(decision: TransactionDecision | TransactionStep): Failure | undefined {
  switch (decision.kind) {
    case 'refused':
      return decision;
    case 'finish':
      return { error: 'CONCURRENT_TRANSACTIONS', message: 'the transaction before it is not finished yet' };
    default:
      return undefined;
  }
}

/** Whoever meets the item next aborts the transaction; its producer is fenced already. */
function late(state: TransactionState | undefined, now: StoreTime): TransactionDecision | undefined {
  if (state === undefined || !hasTimedOut(state, now)) return undefined;
  return refused('PRODUCER_FENCED', 'the transaction has timed out');
}
