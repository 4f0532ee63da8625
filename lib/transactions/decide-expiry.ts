import type { TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { TransactionDecision } from './decision.ts';

/**
 * Whether a transactional id expires: nothing of it is open, and it has not changed for
 * `transactional.id.expiration.ms` (Kafka: TransactionStateManager.shouldExpire,
 * TransactionState.isExpirationAllowed, TransactionMetadata.prepareDead). `done` if it does not.
 */
export function decideExpiry(state: TransactionState, now: StoreTime, expirationMs: number): TransactionDecision {
  const { status, updatedAt } = state;
  const isAllowed = status === 'Empty' || status === 'CompleteCommit' || status === 'CompleteAbort';
  if (!isAllowed || updatedAt > now - expirationMs) return { kind: 'done', state };
  return { kind: 'put', state: { ...state, status: 'Dead', updatedAt: now } };
}
