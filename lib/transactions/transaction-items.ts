import { LRUCache } from 'lru-cache';
import { boundedMap } from '../kit/bounded-map.ts';
import { changeItem, type ItemPut } from '../kit/change-item.ts';
import {
  decodeTransaction,
  encodeTransaction,
  TRANSACTION_SK,
  type TransactionState,
  transactionPk,
} from '../storage/items/transaction.ts';
import {
  decodeTransactionProducer,
  encodeTransactionProducer,
  TRANSACTION_PRODUCER_SK,
  transactionProducerPk,
} from '../storage/items/transaction-producer.ts';
import { type Item, MAX_ITEM_BYTES, type StoreTime } from '../storage/ports.ts';
import { refused, type TransactionDecision } from './decision.ts';
import type { TransactionsEnvironment } from './environment.ts';
import { TransactionIds } from './transaction-ids.ts';

/** Memory for items, so that the next change needs no read; bytes of their bodies. */
const REMEMBERED_BYTES_MAX = 8 * 1024 * 1024;

/** Producer ids remembered, of producers that have held up readers. */
const IDS_MAX = 1_000;

/** What is left of an item for its body, beside the keys, the nonce and the attributes. */
const BODY_BYTES_MAX = MAX_ITEM_BYTES - 2_048;

/** A coordinator item as it was read or put. */
export interface StoredTransaction {
  readonly state: TransactionState;
  readonly version: number;
}

/** The outcome of a decision that was carried out. */
export type TransactionStep =
  | { readonly kind: 'put' | 'done' | 'finish'; readonly stored: StoredTransaction }
  | Extract<TransactionDecision, { kind: 'needsProducerId' | 'refused' }>;

type Decide = (state: TransactionState | undefined, now: StoreTime) => TransactionDecision;

/**
 * The coordinator items. Decisions are made on a strongly consistent read, or on the item that this
 * process has read or put last: then the put succeeds only if the item is still that one. All
 * methods throw StoreUnavailableError.
 */
export class TransactionItems {
  readonly ids: TransactionIds;
  readonly #env: TransactionsEnvironment;
  readonly #known = new LRUCache<string, StoredTransaction>({ maxSize: REMEMBERED_BYTES_MAX });

  /** The transactional ids of producer ids, which never change. */
  readonly #names = boundedMap<number, string>(IDS_MAX);

  constructor(env: TransactionsEnvironment) {
    this.#env = env;
    this.ids = new TransactionIds(env);
  }

  /** Strongly consistent. */
  async read(transactionalId: string): Promise<StoredTransaction | undefined> {
    const { item } = await this.#env.state.get(transactionPk(transactionalId), TRANSACTION_SK, true);
    return this.#remember(item);
  }

  /** Carries one decision out, with one conditional put at most. */
  async step(transactionalId: string, decide: Decide): Promise<TransactionStep> {
    const key = { pk: transactionPk(transactionalId), sk: TRANSACTION_SK };
    const change = (current: StoredTransaction | undefined) => {
      const decision = decide(current?.state, this.now());
      return decision.kind === 'put' ? itemPut(decision.state, current) : decision;
    };
    const changed = await changeItem(
      this.#env,
      key,
      (item) => {
        const stored = this.#remember(item);
        const decision = change(stored);
        return decision.kind === 'put' ? decision : { kind: 'keep', result: toStep(decision, stored) };
      },
      this.#first(transactionalId, change),
    );
    if (changed.kind === 'kept') return changed.result;
    return { kind: 'put', stored: this.#remember(changed.item)! };
  }

  /** The transactional id of a producer id; undefined if it has none. Read once, strongly consistent. */
  async idOf(producerId: number): Promise<string | undefined> {
    const known = this.#names.get(producerId);
    if (known !== undefined) return known;
    const { item } = await this.#env.state.get(transactionProducerPk(producerId), TRANSACTION_PRODUCER_SK, true);
    if (item === undefined) return undefined;
    const transactionalId = decodeTransactionProducer(item.body);
    this.#names.set(producerId, transactionalId);
    return transactionalId;
  }

  /**
   * Stores the transactional id of a new producer id, and that the id may exist. Precedes the put of
   * the coordinator item, so that a crash in between leaves no item that is not found.
   */
  async name(producerId: number, transactionalId: string): Promise<void> {
    await this.ids.add(transactionalId);
    const key = { pk: transactionProducerPk(producerId), sk: TRANSACTION_PRODUCER_SK };
    const body = encodeTransactionProducer(transactionalId);
    await changeItem<'named'>(this.#env, key, (item) =>
      item === undefined ? { kind: 'put', version: 0, body } : { kind: 'keep', result: 'named' },
    );
  }

  /** The put that the item known to this process leads to; undefined if it leads to none. */
  #first(
    transactionalId: string,
    change: (current: StoredTransaction | undefined) => TransactionDecision | ItemPut,
  ): (ItemPut & { condition: { kind: 'version'; version: number } }) | undefined {
    const known = this.#known.get(transactionalId);
    // Before the first answer of the store there is no store time to decide by.
    if (known === undefined || Number.isNaN(this.now())) return undefined;
    const decision = change(known);
    if (decision.kind !== 'put' || 'state' in decision) return undefined;
    return { ...decision, condition: { kind: 'version', version: known.version } };
  }

  #remember(item: Item | undefined): StoredTransaction | undefined {
    if (item === undefined) return undefined;
    const stored = { state: decodeTransaction(item.body), version: item.version };
    const { transactionalId } = stored.state;
    const known = this.#known.peek(transactionalId);
    if (known === undefined || known.version < stored.version) {
      this.#known.set(transactionalId, stored, { size: item.body.length });
    }
    return stored;
  }

  /** Whole ms; NaN before the first answer of the store. */
  now(): StoreTime {
    return Math.floor(this.#env.state.now());
  }
}

/**
 * The version starts at the store time, which the first state has as its number, and never restarts
 * (rule R9).
 */
function itemPut(
  state: TransactionState,
  current: StoredTransaction | undefined,
): ItemPut | Extract<TransactionDecision, { kind: 'refused' }> {
  const body = encodeTransaction(state);
  if (body.length > BODY_BYTES_MAX) return refused('INVALID_REQUEST', 'the transaction has too many partitions');
  return { kind: 'put', version: current === undefined ? state.transaction : current.version + 1, body };
}

function toStep(
  decision: Exclude<TransactionDecision, { kind: 'put' }>,
  stored: StoredTransaction | undefined,
): TransactionStep {
  if (decision.kind === 'done' || decision.kind === 'finish') return { kind: decision.kind, stored: stored! };
  return decision;
}
