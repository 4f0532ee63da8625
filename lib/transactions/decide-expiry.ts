import type { TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';

/**
 * Whether a transactional id is removed: nothing of it is open, and it has not changed for
 * `transactional.id.expiration.ms` (Kafka: TransactionStateManager.shouldExpire,
 * TransactionState.isExpirationAllowed).
 */
export function decideExpiry(
  { status, updatedAt }: TransactionState,
  now: StoreTime,
  expirationMs: number,
): 'expired' | 'kept' {
  const isAllowed = status === 'Empty' || status === 'CompleteCommit' || status === 'CompleteAbort';
  return isAllowed && updatedAt <= now - expirationMs ? 'expired' : 'kept';
}
