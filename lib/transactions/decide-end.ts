import { assert } from '../core/assert.ts';
import { NO_PRODUCER, type TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import {
  isEpochExhausted,
  isPrepared,
  PRODUCER_EPOCH_MAX,
  type ProducerIdAndEpoch,
  refused,
  type TransactionDecision,
} from './decision.ts';

export interface EndRequest extends ProducerIdAndEpoch {
  readonly commit: boolean;
  /** 2 from EndTxn version 5 on (KIP-890): the end bumps the epoch. */
  readonly protocol: 1 | 2;
  /** A new producer id, if one was taken already. */
  readonly newProducerId: number | undefined;
}

/**
 * EndTxn (Kafka: TransactionCoordinator.endTransaction, endTransactionWithTV1). The version of the
 * request decides, whatever ended the transaction before.
 */
export function decideEnd(
  state: TransactionState | undefined,
  request: EndRequest,
  now: StoreTime,
): TransactionDecision {
  if (state === undefined || state.status === 'Dead') {
    return refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id is unknown');
  }
  const retry = repeats(state, request);
  if (state.producerId !== request.producerId && retry !== 'overRoll') {
    return refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id has another producer id');
  }
  if (!hasValidEpoch(state, request, retry))
    return refused('PRODUCER_FENCED', 'another producer has the transactional id');

  switch (state.status) {
    case 'Ongoing':
      return prepareEnd(state, request, now);
    case 'PrepareCommit':
    case 'PrepareAbort':
      if (request.commit !== (state.status === 'PrepareCommit')) return otherwiseEnded(state);
      return { kind: 'finish' };
    case 'CompleteCommit':
    case 'CompleteAbort':
      if (request.protocol === 2 && retry === undefined) return endNothing(state, request, now);
      if (request.commit !== (state.status === 'CompleteCommit')) return otherwiseEnded(state);
      return { kind: 'done', state };
    case 'Empty':
      return endNothing(state, request, now);
  }
}

/**
 * The end of a transaction that a successor or a time-out ends: the abort of version 2, whatever
 * version its producer has (Kafka: TransactionMetadata.prepareFenceProducerEpoch). The producer
 * may learn the new epoch by an abort of its own, until a successor has bumped it again.
 */
export function fence(state: TransactionState, newProducerId: number | undefined, now: StoreTime): TransactionDecision {
  assert(state.status === 'Ongoing', `a transaction in ${state.status} cannot be fenced`);
  return prepareEnd(state, { commit: false, protocol: 2, newProducerId }, now);
}

/** True once the transaction is older than its time-out, by store time (rule R8). */
export function hasTimedOut({ status, startedAt, timeoutMs }: TransactionState, now: StoreTime): boolean {
  return status === 'Ongoing' && startedAt + timeoutMs < now;
}

/**
 * Aborts an expired transaction (Kafka: TransactionCoordinator.abortTimedOutTransactions). `done` if
 * it has not expired, or is over.
 *
 * @param newProducerId a new producer id, if one was taken already
 */
export function decideTimeout(
  state: TransactionState,
  now: StoreTime,
  newProducerId: number | undefined,
): TransactionDecision {
  if (isPrepared(state)) return { kind: 'finish' };
  if (!hasTimedOut(state, now)) return { kind: 'done', state };
  return fence(state, newProducerId, now);
}

/**
 * The state after all markers of a prepared transaction are written (Kafka:
 * TransactionMetadata.prepareComplete).
 */
export function complete(state: TransactionState, now: StoreTime): TransactionState {
  assert(isPrepared(state), `a transaction in ${state.status} cannot be completed`);
  const isRolledOver = state.nextProducerId !== NO_PRODUCER;
  return {
    ...state,
    status: state.status === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    producerId: isRolledOver ? state.nextProducerId : state.producerId,
    producerEpoch: isRolledOver ? 0 : state.producerEpoch,
    previousProducerId: state.producerId,
    nextProducerId: NO_PRODUCER,
    partitions: new Map(),
    groups: new Set(),
    updatedAt: now,
  };
}

function prepareEnd(
  state: TransactionState,
  { commit, protocol, newProducerId }: Pick<EndRequest, 'commit' | 'protocol' | 'newProducerId'>,
  now: StoreTime,
): TransactionDecision {
  assert(state.producerEpoch <= PRODUCER_EPOCH_MAX, 'a producer works under an exhausted epoch');
  const isBumped = protocol === 2;
  const isRollOver = isBumped && isEpochExhausted(state.producerEpoch);
  if (isRollOver && newProducerId === undefined) return { kind: 'needsProducerId' };
  return {
    kind: 'put',
    state: {
      ...state,
      status: commit ? 'PrepareCommit' : 'PrepareAbort',
      producerEpoch: isBumped ? state.producerEpoch + 1 : state.producerEpoch,
      lastProducerEpoch: isBumped ? state.producerEpoch : state.lastProducerEpoch,
      previousProducerId: state.producerId,
      nextProducerId: isRollOver ? newProducerId! : NO_PRODUCER,
      protocol,
      updatedAt: now,
    },
  };
}

/**
 * Nothing is open. A version 2 client that aborts may have a batch on its way that would open the
 * transaction later: the bump of the epoch keeps it out. It passes through PrepareAbort without
 * partitions, so that the answer has the new epoch.
 */
function endNothing(state: TransactionState, request: EndRequest, now: StoreTime): TransactionDecision {
  if (request.protocol === 1 || request.commit) return refused('INVALID_TXN_STATE', 'no transaction is open');
  const opened: TransactionState = { ...state, partitions: new Map(), groups: new Set(), startedAt: now };
  return prepareEnd(opened, request, now);
}

function otherwiseEnded({ status }: TransactionState): TransactionDecision {
  return refused('INVALID_TXN_STATE', `the transaction is in ${status}`);
}

/**
 * Whether a version 2 request has the epoch of the end before, which is the same request sent again
 * if the transaction is over. `overRoll`: that end has rolled the epoch over to a new producer id.
 */
function repeats(
  { producerEpoch: current, previousProducerId }: TransactionState,
  { protocol, producerId, producerEpoch }: EndRequest,
): 'overBump' | 'overRoll' | undefined {
  if (protocol === 1) return undefined;
  if (current === producerEpoch + 1) return 'overBump';
  const isRolled = previousProducerId === producerId && producerEpoch === PRODUCER_EPOCH_MAX && current === 0;
  return isRolled ? 'overRoll' : undefined;
}

function hasValidEpoch(
  state: TransactionState,
  { protocol, producerEpoch }: EndRequest,
  retry: ReturnType<typeof repeats>,
): boolean {
  const isCurrent = producerEpoch === state.producerEpoch;
  if (protocol === 1) return isCurrent;
  // The end that is prepared has bumped the epoch: its producer has the one before.
  if (isPrepared(state)) return retry === 'overBump';
  const isOver = state.status === 'CompleteCommit' || state.status === 'CompleteAbort';
  return isCurrent || (isOver && retry !== undefined);
}
