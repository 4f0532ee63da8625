import type { Failure } from '../core/errors.ts';
import type { TransactionalProducer } from '../core/transactional-producer.ts';

/** A transactional producer and the group whose offsets it commits. */
export interface GroupToJoin extends TransactionalProducer {
  readonly groupId: string;
}

/** `transaction`: the number of the open transaction; it never restarts for a transactional id. */
export type JoinedGroup =
  | { readonly kind: 'open'; readonly transaction: number }
  | ({ readonly kind: 'refused' } & Failure);

/**
 * The transaction coordinator as committed offsets see it. `lib/transactions` implements it, and
 * `lib/run` passes it on.
 */
export interface OffsetTransactions {
  /**
   * Makes sure that the producer's transaction is open with this epoch and has the group (rules R6
   * and R14). The item is read strongly consistent after the call began, or its put succeeded after
   * it. Finishes a prepared transaction first. Throws StoreUnavailableError.
   */
  join(request: GroupToJoin): Promise<JoinedGroup>;
  /**
   * For whoever finds pending offsets: finishes the transaction if it is prepared, aborts it if it
   * has timed out. The answer says whether the transaction with this number is still open. Throws
   * StoreUnavailableError.
   */
  meet(transactionalId: string, transaction: number): Promise<'open' | 'over'>;
}

/** The end of a transaction, for the offsets that a group holds for it. */
export interface PendingToEnd {
  readonly groupId: string;
  readonly transactionalId: string;
  readonly producerId: number;
  readonly transaction: number;
  readonly commit: boolean;
  /**
   * Reads, strongly consistent, whether the transaction still has to be finished (rule R6). Called
   * after each read of pending offsets that a commit would apply, before the put.
   */
  readonly isPrepared: () => Promise<boolean>;
}

/** Committed offsets as the transaction coordinator sees them. `Offsets` implements it. */
export interface PendingOffsets {
  /**
   * Applies the group's pending offsets of one transaction, or voids them. Idempotent; safe for
   * several finishers at once, and for one that is late. Throws StoreUnavailableError.
   */
  endPending(end: PendingToEnd): Promise<void>;
}
