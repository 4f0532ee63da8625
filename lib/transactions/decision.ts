import type { Failure } from '../core/errors.ts';
import type { TransactionState } from '../storage/items/transaction.ts';

/**
 * What a request does with the coordinator item.
 *
 * - `put`: write `state`, then answer from it.
 * - `done`: nothing to write; the answer is in `state`.
 * - `finish`: a transaction is prepared. Its markers and its completion come first; then the
 *   request is decided again. Kafka answers CONCURRENT_TRANSACTIONS meanwhile.
 * - `needsProducerId`: decide again with a new producer id.
 */
export type TransactionDecision =
  | { readonly kind: 'put'; readonly state: TransactionState }
  | { readonly kind: 'done'; readonly state: TransactionState }
  | { readonly kind: 'finish' }
  | { readonly kind: 'needsProducerId' }
  | ({ readonly kind: 'refused' } & Failure);

export function refused(error: Failure['error'], message: string): Extract<TransactionDecision, { kind: 'refused' }> {
  return { kind: 'refused', error, message };
}

/** A producer as a request names it. */
export interface ProducerIdAndEpoch {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/**
 * The largest epoch that a producer works under; markers may have the one above (Kafka:
 * TransactionMetadata.isEpochExhausted).
 */
export const PRODUCER_EPOCH_MAX = 32_766;

export function isEpochExhausted(producerEpoch: number): boolean {
  return producerEpoch >= PRODUCER_EPOCH_MAX;
}

export function isPrepared({ status }: TransactionState): boolean {
  return status === 'PrepareCommit' || status === 'PrepareAbort';
}

/** Whether the transaction with this number has not ended for all of its partitions and groups. */
export function isOpen(state: TransactionState, transaction: number): boolean {
  return state.transaction === transaction && (state.status === 'Ongoing' || isPrepared(state));
}
