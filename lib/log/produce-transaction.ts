import type { Access, Resource } from '../auth/authorize.ts';
import type { Failure } from '../core/errors.ts';
import type { Uuid } from '../core/uuid.ts';
import { isTransactional } from '../records/batch.ts';
import type { ProducedBatch } from '../records/validate.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { OpenTransactions } from './open-transactions.ts';

/** What a Produce request says of its transaction. */
export interface TransactionTerms {
  /** Null without one. */
  readonly transactionalId: string | null;
  /** 2 from Produce 12 on (KIP-890). */
  readonly protocol: 1 | 2;
  /** Whether the client knows TRANSACTION_ABORTABLE: from Produce 11 on. */
  readonly knowsAbortable: boolean;
}

export const NO_TRANSACTION: TransactionTerms = { transactionalId: null, protocol: 1, knowsAbortable: false };

/**
 * The transaction of a request with transactional batches. The partitions that reach a writer are
 * gathered, so that the first writer that asks adds them all.
 */
export class ProduceTransaction {
  readonly access: Access;
  readonly #transactions: OpenTransactions;
  readonly #terms: TransactionTerms & { readonly transactionalId: string };
  readonly #producer: { readonly producerId: number; readonly producerEpoch: number };
  readonly #partitions = new Map<Uuid, Set<number>>();

  constructor(
    transactions: OpenTransactions,
    terms: TransactionTerms & { readonly transactionalId: string },
    { producerId, producerEpoch }: { readonly producerId: number; readonly producerEpoch: number },
  ) {
    this.#transactions = transactions;
    this.#terms = terms;
    this.#producer = { producerId, producerEpoch };
    const resource: Resource = { type: 'TRANSACTIONAL_ID', name: terms.transactionalId };
    this.access = { operation: 'WRITE', resource };
  }

  /** See BatchToAppend.joinTransaction. */
  entering(topicId: Uuid, partition: number): () => Promise<Failure | undefined> {
    const partitions = this.#partitions.get(topicId) ?? new Set();
    partitions.add(partition);
    this.#partitions.set(topicId, partitions);
    return () => this.#join(topicId, partition);
  }

  async #join(topicId: Uuid, partition: number): Promise<Failure | undefined> {
    const { transactionalId, protocol, knowsAbortable } = this.#terms;
    // Each partition is verified by itself, since it may be the only one that was not added.
    const partitions = protocol === 2 ? this.#partitions : new Map([[topicId, new Set([partition])]]);
    try {
      const failure = await this.#transactions.join({ transactionalId, ...this.#producer, protocol, partitions });
      return failure && forProducers(failure, knowsAbortable);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return forProducers({ error: 'COORDINATOR_NOT_AVAILABLE', message: error.message }, knowsAbortable);
    }
  }
}

/**
 * The coordinator's errors as producers know them (Kafka: AddPartitionsToTxnManager and
 * ReplicaManager.handleProduceAppend). NOT_ENOUGH_REPLICAS makes a producer send the batch again.
 */
function forProducers({ error, message }: Failure, knowsAbortable: boolean): Failure {
  switch (error) {
    case 'PRODUCER_FENCED':
      return { error: 'INVALID_PRODUCER_EPOCH', ...(message !== undefined && { message }) };
    case 'TRANSACTION_ABORTABLE':
      return knowsAbortable ? { error } : { error: 'INVALID_TXN_STATE', message: NOT_ADDED };
    case 'INVALID_TXN_STATE':
      return { error, message: NOT_ADDED };
    case 'CONCURRENT_TRANSACTIONS':
    case 'COORDINATOR_NOT_AVAILABLE':
      return { error: 'NOT_ENOUGH_REPLICAS', message: `${NOT_VERIFIED} Underlying error: ${error}` };
    default:
      return { error };
  }
}

const NOT_ADDED = 'Partition was not added to the transaction';
const NOT_VERIFIED = 'Unable to verify the partition has been added to the transaction.';

/**
 * The transaction of a request's batches; undefined if none is transactional. Refused as a whole by
 * Kafka: without a transactional id (KafkaApis.handleProduceRequest), or with batches of several
 * producers (ReplicaManager.handleProduceAppend).
 */
export function transactionOf(
  transactions: OpenTransactions,
  { transactionalId, ...terms }: TransactionTerms,
  batches: readonly ProducedBatch[],
): ProduceTransaction | Failure | undefined {
  const headers = batches.flatMap((batch) => (batch.kind === 'batch' ? [batch.header] : []));
  const transactional = headers.filter(({ attributes }) => isTransactional(attributes));
  const [first] = transactional;
  if (first === undefined) return undefined;
  if (transactionalId === null) return { error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' };
  const isOfFirst = ({ producerId, producerEpoch }: typeof first) =>
    producerId === first.producerId && producerEpoch === first.producerEpoch;
  if (!transactional.every(isOfFirst)) {
    return {
      error: 'INVALID_PRODUCER_ID_MAPPING',
      message: 'Transactional records contained more than one producer ID',
    };
  }
  return new ProduceTransaction(transactions, { ...terms, transactionalId }, first);
}
