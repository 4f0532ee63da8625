import { KeyIndex } from '../kit/key-index.ts';
import { transactionKey } from '../storage/items/transaction.ts';
import {
  encodeTransactionIndexEntry,
  keyOfTransactionDue,
  TRANSACTIONS_DUE_PK,
  TRANSACTIONS_PK,
  transactionDueSk,
  transactionDueSkEnd,
} from '../storage/items/transaction-index.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { TransactionsEnvironment } from './environment.ts';

/**
 * A transactional id is looked at this often, so that a change of `transactional.id.expiration.ms`
 * takes effect within it; ms.
 */
export const LOOK_EVERY_MS = 24 * 60 * 60 * 1000;

/** An entry of the list of what is due, as it was read. */
export interface DueId {
  /** The id's `transactionKey`. */
  readonly key: string;
  readonly sk: string;
  readonly version: number;
}

/**
 * The transactional ids of a deployment: an index of all, and a list of when to look at each. What
 * both have of an id is written before its coordinator item. All methods throw
 * StoreUnavailableError.
 */
export class TransactionIds {
  /** Keys are `transactionKey`s. */
  readonly index: KeyIndex;
  readonly #due: KeyIndex;
  readonly #env: TransactionsEnvironment;

  constructor(env: TransactionsEnvironment) {
    this.#env = env;
    const body = encodeTransactionIndexEntry();
    this.index = new KeyIndex(env, TRANSACTIONS_PK, body);
    this.#due = new KeyIndex(env, TRANSACTIONS_DUE_PK, body);
  }

  /** Precedes the first put of a coordinator item. */
  async add(transactionalId: string): Promise<void> {
    const key = transactionKey(transactionalId);
    // The due entry is first: it leads to an index entry that a crash has left without an item.
    await this.#due.add(transactionDueSk(key, (await this.now()) + LOOK_EVERY_MS));
    await this.index.add(key);
  }

  /** What is due by `now`, in order of time, after the sort key `after`. */
  async *due(after: string | undefined, now: StoreTime): AsyncGenerator<DueId> {
    for await (const { key: sk, version } of this.#due.keys(after, transactionDueSkEnd(now))) {
      yield { key: keyOfTransactionDue(sk), sk, version };
    }
  }

  /** Takes an entry off the list. With `at`, the id is on the list for that time first. */
  async done({ key, sk, version }: DueId, at?: StoreTime): Promise<void> {
    const next = at === undefined ? undefined : transactionDueSk(key, at);
    if (next === sk) return;
    if (next !== undefined) await this.#due.add(next);
    await this.#due.remove(sk, version);
  }

  /** The store's time. Any answer tells it. */
  async now(): Promise<StoreTime> {
    const { state } = this.#env;
    if (Number.isNaN(state.now())) await state.query({ pk: TRANSACTIONS_DUE_PK, limit: 1, consistent: false });
    return state.now();
  }
}
