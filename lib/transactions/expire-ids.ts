import type { UnreadableItems } from '../kit/unreadable-items.ts';
import {
  decodeTransaction,
  keyedTransactionPk,
  NO_PRODUCER,
  TRANSACTION_SK,
  type TransactionState,
} from '../storage/items/transaction.ts';
import { TRANSACTIONS_PK } from '../storage/items/transaction-index.ts';
import { TRANSACTION_PRODUCER_SK, transactionProducerPk } from '../storage/items/transaction-producer.ts';
import { isSettled } from '../storage/late-puts.ts';
import { type Item, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { decideExpiry } from './decide-expiry.ts';
import type { TransactionsEnvironment } from './environment.ts';
import { type DueId, LOOK_EVERY_MS } from './transaction-ids.ts';
import type { TransactionItems } from './transaction-items.ts';

/** What is left of a removed id is looked at again after this time; a little over isSettled's; ms. */
const SETTLED_MS = 61 * 60 * 1000;

export interface ExpiryEnvironment extends TransactionsEnvironment {
  readonly items: TransactionItems;
  readonly unreadable: UnreadableItems;
  /** `transactional.id.expiration.ms`. */
  readonly expirationMs: number;
}

export interface ExpiredIds {
  readonly cursor: string | undefined;
  readonly isComplete: boolean;
  readonly counts: {
    /** Ids looked at. */
    readonly looked: number;
    /** Ids that have become Dead. */
    readonly expired: number;
    /** Ids whose items were deleted. */
    readonly removed: number;
    /** Ids that this program cannot read. */
    readonly skipped: number;
  };
}

/**
 * Removes transactional ids that nobody has used for `transactional.id.expiration.ms`. First the
 * item becomes Dead: from then on the id is unknown, and an InitProducerId begins anew. An hour
 * later no put that was sent before can land, and the item, the names of its producer ids and its
 * index entry are deleted (rule R9). With nothing due this costs one query. Several processes may
 * do it at the same time.
 *
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError
 */
export async function expireTransactionalIds(
  env: ExpiryEnvironment,
  cursor: string | undefined,
  deadline: number,
): Promise<ExpiredIds> {
  const { ids } = env.items;
  const counts = { looked: 0, expired: 0, removed: 0, skipped: 0 };
  const now = await ids.now();
  let last = cursor;
  for await (const due of ids.due(cursor, now)) {
    if (env.clock.monotonic() >= deadline) return { cursor: last, isComplete: false, counts };
    counts.looked++;
    const outcome = await lookOrPassOver(env, due);
    if (outcome !== 'kept') counts[outcome]++;
    last = due.sk;
  }
  return { cursor: undefined, isComplete: true, counts };
}

type Looked = 'kept' | 'expired' | 'removed' | 'skipped';

async function lookOrPassOver(env: ExpiryEnvironment, due: DueId): Promise<Looked> {
  const name = `${TRANSACTIONS_PK}/${due.key}`;
  try {
    const looked = await look(env, due);
    env.unreadable.readable(name);
    return looked;
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    env.unreadable.skip(name, error);
    return 'skipped';
  }
}

async function look(env: ExpiryEnvironment, due: DueId): Promise<Looked> {
  const { state, items, expirationMs } = env;
  const { item } = await state.get(keyedTransactionPk(due.key), TRANSACTION_SK, true);
  const now = state.now();
  if (item === undefined) return removeEntry(env, due, now);
  const found = decodeTransaction(item.body);
  if (found.status === 'Dead') {
    if (isSettled(found.updatedAt, now)) return removeItem(env, due, item, found);
    await items.ids.done(due, found.updatedAt + SETTLED_MS);
    return 'kept';
  }
  const step = await items.step(found.transactionalId, (current, at) =>
    current === undefined ? { kind: 'done', state: found } : decideExpiry(current, at, expirationMs),
  );
  if (step.kind === 'put') {
    await items.ids.done(due, now + SETTLED_MS);
    return 'expired';
  }
  const expiresAt = found.updatedAt + expirationMs;
  await items.ids.done(due, expiresAt > now ? Math.min(expiresAt, now + LOOK_EVERY_MS) : now + SETTLED_MS);
  return 'kept';
}

/**
 * The entry is read before the item is deleted. An InitProducerId after that writes it again, and
 * its removal then fails.
 */
async function removeItem(
  { state, items }: ExpiryEnvironment,
  due: DueId,
  { pk, sk, version }: Item,
  { producerId, previousProducerId }: TransactionState,
): Promise<Looked> {
  const { ids } = items;
  const entry = await ids.index.versionOf(due.key);
  for (const named of new Set([previousProducerId, producerId])) {
    if (named !== NO_PRODUCER) await state.delete(transactionProducerPk(named), TRANSACTION_PRODUCER_SK, 0);
  }
  const gone = await state.delete(pk, sk, version);
  if (gone.kind === 'conflict') {
    await ids.done(due, state.now() + SETTLED_MS);
    return 'kept';
  }
  if (gone.kind !== 'committed') throw new StoreUnavailableError(`item ${pk} may still exist: ${gone.message}`);
  if (entry !== undefined) await ids.index.remove(due.key, entry);
  await ids.done(due);
  return 'removed';
}

/** A crash left the entry: while an id was added or removed. The put of its item may still land. */
async function removeEntry({ items }: ExpiryEnvironment, due: DueId, now: StoreTime): Promise<Looked> {
  const { ids } = items;
  const entry = await ids.index.versionOf(due.key);
  if (entry !== undefined && !isSettled(entry, now)) {
    await ids.done(due, entry + SETTLED_MS);
    return 'kept';
  }
  if (entry !== undefined) await ids.index.remove(due.key, entry);
  await ids.done(due);
  return 'removed';
}
