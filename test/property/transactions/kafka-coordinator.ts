import type { ErrorName } from '../../../lib/core/errors.ts';

/**
 * One transactional id as Kafka 4.3.1 keeps it, with `transaction.version` 2: the rules of
 * kafka.coordinator.transaction.TransactionCoordinator and
 * org.apache.kafka.coordinator.transaction.TransactionMetadata, each with the method that it stands in.
 * Time, partitions and groups are as small as the rules need them.
 */
export interface KafkaTransaction {
  readonly state: 'Empty' | 'Ongoing' | 'PrepareCommit' | 'PrepareAbort' | 'CompleteCommit' | 'CompleteAbort';
  readonly producerId: number;
  readonly previousProducerId: number;
  readonly nextProducerId: number;
  readonly epoch: number;
  readonly lastEpoch: number;
  readonly partitions: ReadonlySet<string>;
  /** TransactionMetadata.txnStartTimestamp. */
  readonly startedAt: number;
}

/** What a request is answered, and what Kafka's log has afterwards. */
export interface KafkaAnswer {
  readonly error: ErrorName | 'NONE';
  readonly after: KafkaTransaction | undefined;
}

const NONE = -1;
/** TransactionMetadata.isEpochExhausted: Short.MAX_VALUE - 1. */
const EXHAUSTED = 32_766;

export interface KafkaRequest {
  readonly producerId: number;
  readonly epoch: number;
}

/** TransactionMetadata.VALID_PREVIOUS_STATES. Checked at each transition. */
const VALID_PREVIOUS: Readonly<Record<KafkaTransaction['state'], readonly KafkaTransaction['state'][]>> = {
  Empty: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  Ongoing: ['Ongoing', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareCommit: ['Ongoing'],
  PrepareAbort: ['Ongoing', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  CompleteCommit: ['PrepareCommit'],
  CompleteAbort: ['PrepareAbort'],
};

/** TransactionMetadata.prepareTransitionTo: every transition notes the producer id before it. */
function transit(from: KafkaTransaction, to: Partial<KafkaTransaction> & Pick<KafkaTransaction, 'state'>): KafkaAnswer {
  if (!VALID_PREVIOUS[to.state].includes(from.state)) throw new Error(`${from.state} cannot become ${to.state}`);
  return { error: 'NONE', after: { ...from, previousProducerId: from.producerId, ...to } };
}

const isPrepared = ({ state }: KafkaTransaction) => state === 'PrepareCommit' || state === 'PrepareAbort';

/** TransactionCoordinator.handleInitProducerId. */
export function kafkaInit(txn: KafkaTransaction | undefined, expected: KafkaRequest | undefined, newId: number) {
  const created: KafkaTransaction = {
    ...{ state: 'Empty', producerId: newId, previousProducerId: NONE, nextProducerId: NONE },
    ...{ epoch: NONE, lastEpoch: NONE, partitions: new Set(), startedAt: NONE },
  };
  return initTransit(txn ?? created, expected, newId, txn);
}

/** TransactionCoordinator.prepareInitProducerIdTransit. */
function initTransit(
  txn: KafkaTransaction,
  expected: KafkaRequest | undefined,
  newId: number,
  before: KafkaTransaction | undefined,
): KafkaAnswer {
  const refuse = (error: ErrorName): KafkaAnswer => ({ error, after: before });
  const isValidProducerId =
    expected === undefined ||
    txn.epoch === NONE ||
    expected.producerId === txn.producerId ||
    (expected.producerId === txn.previousProducerId && expected.epoch >= EXHAUSTED);
  if (!isValidProducerId) return refuse('PRODUCER_FENCED');
  if (isPrepared(txn)) return refuse('CONCURRENT_TRANSACTIONS');
  // prepareFenceProducerEpoch, then endTransaction with isEpochFence. The client has to ask again.
  if (txn.state === 'Ongoing') return { ...kafkaFence(txn, newId), error: 'CONCURRENT_TRANSACTIONS' };
  const emptied = { state: 'Empty', partitions: new Set<string>(), startedAt: NONE } as const;
  if (txn.epoch >= EXHAUSTED && (expected === undefined || expected.epoch === txn.epoch)) {
    // TransactionMetadata.prepareProducerIdRotation.
    const lastEpoch = expected === undefined ? NONE : txn.epoch;
    return transit(txn, { ...emptied, producerId: newId, epoch: 0, lastEpoch });
  }
  // TransactionMetadata.prepareIncrementProducerEpoch. Kafka throws here for an exhausted epoch, which the client sees as
  // UNKNOWN_SERVER_ERROR. That is its first line; the model goes by the others, which need no further epoch then.
  if (expected === undefined) return transit(txn, { ...emptied, epoch: txn.epoch + 1, lastEpoch: NONE });
  if (txn.epoch === NONE || expected.epoch === txn.epoch) {
    return transit(txn, { ...emptied, epoch: txn.epoch + 1, lastEpoch: txn.epoch });
  }
  if (expected.epoch === txn.lastEpoch) return transit(txn, emptied);
  return refuse('PRODUCER_FENCED');
}

/** TransactionCoordinator.handleAddPartitionsToTransaction. */
export function kafkaAdd(
  txn: KafkaTransaction | undefined,
  { producerId, epoch }: KafkaRequest,
  partition: string,
  now: number,
): KafkaAnswer {
  const refuse = (error: ErrorName | 'NONE'): KafkaAnswer => ({ error, after: txn });
  if (txn === undefined || txn.producerId !== producerId) return refuse('INVALID_PRODUCER_ID_MAPPING');
  if (txn.epoch !== epoch) return refuse('PRODUCER_FENCED');
  if (isPrepared(txn)) return refuse('CONCURRENT_TRANSACTIONS');
  if (txn.state === 'Ongoing' && txn.partitions.has(partition)) return refuse('NONE');
  // TransactionMetadata.prepareAddPartitions.
  const startedAt = txn.state === 'Ongoing' ? txn.startedAt : now;
  return transit(txn, { state: 'Ongoing', partitions: new Set([...txn.partitions, partition]), startedAt });
}

/** TransactionCoordinator.handleVerifyPartitionsInTransaction. */
export function kafkaVerify(
  txn: KafkaTransaction | undefined,
  { producerId, epoch }: KafkaRequest,
  partition: string,
): KafkaAnswer {
  const answer = (error: ErrorName | 'NONE'): KafkaAnswer => ({ error, after: txn });
  if (txn === undefined || txn.producerId !== producerId) return answer('INVALID_PRODUCER_ID_MAPPING');
  if (txn.epoch !== epoch) return answer('PRODUCER_FENCED');
  if (isPrepared(txn)) return answer('CONCURRENT_TRANSACTIONS');
  return answer(txn.partitions.has(partition) ? 'NONE' : 'TRANSACTION_ABORTABLE');
}

/** EndTxn 0 to 4: TransactionCoordinator.endTransactionWithTV1. */
export function kafkaEnd1(
  txn: KafkaTransaction | undefined,
  { producerId, epoch }: KafkaRequest,
  commit: boolean,
): KafkaAnswer {
  const answer = (error: ErrorName | 'NONE'): KafkaAnswer => ({ error, after: txn });
  if (txn === undefined || txn.producerId !== producerId) return answer('INVALID_PRODUCER_ID_MAPPING');
  if (txn.epoch !== epoch) return answer('PRODUCER_FENCED');
  const table: Readonly<
    Record<Exclude<KafkaTransaction['state'], 'Ongoing'>, [ErrorName | 'NONE', ErrorName | 'NONE']>
  > = {
    // [commit, abort]
    Empty: ['INVALID_TXN_STATE', 'INVALID_TXN_STATE'],
    PrepareCommit: ['CONCURRENT_TRANSACTIONS', 'INVALID_TXN_STATE'],
    PrepareAbort: ['INVALID_TXN_STATE', 'CONCURRENT_TRANSACTIONS'],
    CompleteCommit: ['NONE', 'INVALID_TXN_STATE'],
    CompleteAbort: ['INVALID_TXN_STATE', 'NONE'],
  };
  if (txn.state !== 'Ongoing') return answer(table[txn.state][commit ? 0 : 1]);
  // TransactionMetadata.prepareAbortOrCommit without supportsEpochBump.
  return transit(txn, { state: commit ? 'PrepareCommit' : 'PrepareAbort', nextProducerId: NONE });
}

/** EndTxn 5: TransactionCoordinator.endTransaction. */
export function kafkaEnd2(
  txn: KafkaTransaction | undefined,
  { producerId, epoch }: KafkaRequest,
  commit: boolean,
  newId: number,
  now: number,
): KafkaAnswer {
  const answer = (error: ErrorName | 'NONE'): KafkaAnswer => ({ error, after: txn });
  if (txn === undefined) return answer('INVALID_PRODUCER_ID_MAPPING');
  const retryOnOverflow = txn.previousProducerId === producerId && epoch === EXHAUSTED && txn.epoch === 0;
  const retryOnEpochBump = txn.epoch === epoch + 1;
  const isRetry = retryOnEpochBump || retryOnOverflow;
  if (txn.producerId !== producerId && !retryOnOverflow) return answer('INVALID_PRODUCER_ID_MAPPING');
  const isValidEpoch: Readonly<Record<KafkaTransaction['state'], boolean>> = {
    Ongoing: epoch === txn.epoch,
    Empty: epoch === txn.epoch,
    PrepareCommit: retryOnEpochBump,
    PrepareAbort: retryOnEpochBump,
    CompleteCommit: isRetry || epoch === txn.epoch,
    CompleteAbort: isRetry || epoch === txn.epoch,
  };
  if (!isValidEpoch[txn.state]) return answer('PRODUCER_FENCED');
  // The table above endTransaction, where EB is an end with a bump of the epoch.
  type Row = readonly [
    ErrorName | 'NONE' | 'EB',
    ErrorName | 'NONE' | 'EB',
    ErrorName | 'NONE' | 'EB',
    ErrorName | 'NONE' | 'EB',
  ];
  const [ITS, CT] = ['INVALID_TXN_STATE', 'CONCURRENT_TRANSACTIONS'] as const;
  const table: Readonly<Record<KafkaTransaction['state'], Row>> = {
    // [abort again, abort, commit again, commit]
    Empty: [ITS, 'EB', ITS, ITS],
    Ongoing: [ITS, 'EB', ITS, 'EB'],
    PrepareCommit: [ITS, ITS, CT, ITS],
    PrepareAbort: [CT, ITS, ITS, ITS],
    CompleteCommit: [ITS, 'EB', 'NONE', ITS],
    CompleteAbort: ['NONE', 'EB', ITS, ITS],
  };
  const row = table[txn.state][(commit ? 2 : 0) + (isRetry ? 0 : 1)]!;
  if (row !== 'EB') return answer(row);
  return endWithBump(txn, commit, newId, txn.state === 'Ongoing' ? txn.startedAt : now);
}

/** TransactionCoordinator.abortTimedOutTransactions, once the time-out has passed. */
export function kafkaTimeout(txn: KafkaTransaction | undefined, newId: number): KafkaAnswer {
  if (txn?.state !== 'Ongoing') return { error: 'NONE', after: txn };
  return kafkaFence(txn, newId);
}

/** TransactionMetadata.prepareFenceProducerEpoch, then endTransaction with isEpochFence. */
function kafkaFence(txn: KafkaTransaction, newId: number): KafkaAnswer {
  return endWithBump(txn, false, newId, txn.startedAt);
}

/** generateTxnTransitMetadataForTxnCompletion, TransactionMetadata.prepareAbortOrCommit. */
function endWithBump(txn: KafkaTransaction, commit: boolean, newId: number, startedAt: number): KafkaAnswer {
  return transit(txn, {
    ...{ state: commit ? 'PrepareCommit' : 'PrepareAbort', epoch: txn.epoch + 1, lastEpoch: txn.epoch, startedAt },
    nextProducerId: txn.epoch >= EXHAUSTED ? newId : NONE,
  });
}

/** All markers are written: TransactionMetadata.prepareComplete. */
export function kafkaComplete(txn: KafkaTransaction): KafkaTransaction {
  const isRolled = txn.nextProducerId !== NONE;
  const { after } = transit(txn, {
    state: txn.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    ...(isRolled ? { producerId: txn.nextProducerId, epoch: 0 } : {}),
    ...{ nextProducerId: NONE, partitions: new Set<string>() },
  });
  return after!;
}

/** TransactionStateManager.removeExpiredTransactionalIds, once the id has not been used for so long. */
export function kafkaExpire(txn: KafkaTransaction | undefined): KafkaTransaction | undefined {
  const isExpirationAllowed =
    txn?.state === 'Empty' || txn?.state === 'CompleteCommit' || txn?.state === 'CompleteAbort';
  return isExpirationAllowed ? undefined : txn;
}
