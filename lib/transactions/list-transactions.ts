import { MalformedBytesError } from '../core/bytes.ts';
import type { Logger } from '../core/logger.ts';
import { each } from '../kit/each.ts';
import type { Turns } from '../kit/turns.ts';
import {
  decodeTransaction,
  keyedTransactionPk,
  TRANSACTION_SK,
  type TransactionState,
  transactionKey,
} from '../storage/items/transaction.ts';
import { TRANSACTIONS_PK } from '../storage/items/transaction-index.ts';
import type { TransactionsEnvironment } from './environment.ts';
import type { TransactionItems } from './transaction-items.ts';

/** Which transactional ids a list has. All that are given have to hold. */
export interface TransactionFilter {
  /** Empty: any. */
  readonly producerIds: ReadonlySet<number>;
  /** Empty: any. */
  readonly statuses: ReadonlySet<string>;
  /**
   * The latest transaction began longer ago, ms; negative: any. An id without a transaction has
   * begun at -1, as in Kafka, and passes.
   */
  readonly longerThanMs: number;
  readonly isMatch: (transactionalId: string) => boolean;
}

export interface ListEnvironment extends TransactionsEnvironment {
  readonly items: TransactionItems;
  readonly logger: Logger;
  readonly turns: Turns;
}

/**
 * The transactional ids that a filter lets through, by key (Kafka:
 * TransactionStateManager.listTransactionStates). One read for each id of the deployment, or, if the
 * filter names producer ids, for each of those. An item that this program cannot read is left out
 * and logged. Throws StoreUnavailableError.
 */
export async function listTransactions(env: ListEnvironment, filter: TransactionFilter): Promise<TransactionState[]> {
  const { producerIds } = filter;
  const keys = producerIds.size > 0 ? await keysOfProducers(env, producerIds) : await allKeys(env);
  const read = await each(env, keys, (key) => readListed(env, key));
  const now = env.state.now();
  return read.flatMap((state) => (state !== undefined && isIncluded(state, filter, now) ? [state] : []));
}

async function allKeys({ items }: ListEnvironment): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of items.ids.index.keys()) keys.push(key);
  return keys;
}

/** Every producer id has the name of its transactional id from before it was given out. */
async function keysOfProducers(env: ListEnvironment, producerIds: ReadonlySet<number>): Promise<string[]> {
  const ids = await each(env, [...producerIds], (producerId) => env.items.idOf(producerId));
  const keys = ids.flatMap((id) => (id === undefined ? [] : [transactionKey(id)]));
  return [...new Set(keys)].sort();
}

async function readListed({ state, logger }: ListEnvironment, key: string): Promise<TransactionState | undefined> {
  const { item } = await state.get(keyedTransactionPk(key), TRANSACTION_SK, true);
  if (item === undefined) return undefined;
  try {
    return decodeTransaction(item.body);
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    logger.log('warn', { event: 'unreadable_item', item: `${TRANSACTIONS_PK}/${key}`, message: error.message });
    return undefined;
  }
}

function isIncluded(state: TransactionState, filter: TransactionFilter, now: number): boolean {
  const { producerIds, statuses, longerThanMs, isMatch } = filter;
  if (state.status === 'Dead') return false;
  if (producerIds.size > 0 && !producerIds.has(state.producerId)) return false;
  if (statuses.size > 0 && !statuses.has(state.status)) return false;
  if (longerThanMs >= 0 && now - state.startedAt <= longerThanMs) return false;
  return isMatch(state.transactionalId);
}
