import type { Failure } from '../core/errors.ts';
import type { TransactionalProducer } from '../core/transactional-producer.ts';
import type { TransactionPartitions } from '../storage/items/transaction.ts';

export interface PartitionsToJoin extends TransactionalProducer {
  readonly partitions: TransactionPartitions;
}

/**
 * The transaction coordinator as the log sees it (rule R14). `lib/transactions` implements it, and
 * `lib/run` passes it on.
 */
export interface OpenTransactions {
  /**
   * Makes sure that the producer's transaction is open with this epoch and has the partitions.
   * Undefined if so. The item is read strongly consistent after the call began, or its put
   * succeeded after it (rule R6). Never finishes a transaction, since a writer waits for this call:
   * CONCURRENT_TRANSACTIONS if one has to be finished first (see `meet`). Throws
   * StoreUnavailableError.
   */
  join(request: PartitionsToJoin): Promise<Failure | undefined>;
}

/** For whoever is held up by a transaction that another producer has left open. */
export interface LeftTransactions {
  /**
   * Finishes the transaction of this producer id if it is prepared, and aborts it if it has timed
   * out. Resolves with the store time at which its time-out passes; undefined if none of its
   * transactions is open. Throws StoreUnavailableError.
   */
  meetProducer(producerId: number): Promise<number | undefined>;
}
