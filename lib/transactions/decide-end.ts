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

/** EndTxn (Kafka: TransactionCoordinator.endTransaction). */
export function decideEnd(
  state: TransactionState | undefined,
  request: EndRequest,
  now: StoreTime,
): TransactionDecision {
  if (state === undefined || state.status === 'Dead') {
    return refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id is unknown');
  }
  const isRetry = isRepeatedEnd(state, request);
  if (state.producerId !== request.producerId && !isRetry) {
    return refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id has another producer id');
  }
  const isCurrent = state.producerEpoch === request.producerEpoch && !(state.protocol === 2 && isPrepared(state));
  if (!isCurrent && !isRetry) return refused('PRODUCER_FENCED', 'another producer has the transactional id');

  switch (state.status) {
    case 'Ongoing':
      return prepareEnd(state, request, now);
    case 'PrepareCommit':
    case 'PrepareAbort':
      if (request.commit !== (state.status === 'PrepareCommit')) return otherwiseEnded(state);
      return { kind: 'finish' };
    case 'CompleteCommit':
    case 'CompleteAbort':
      if (isRetry || state.protocol === 1) {
        if (request.commit !== (state.status === 'CompleteCommit')) return otherwiseEnded(state);
        return { kind: 'done', state };
      }
      return endNothing(state, request, now);
    case 'Empty':
      return endNothing(state, request, now);
  }
}

/** The end of a transaction that a successor or a time-out ends; no client learns the new epoch. */
export function fence(state: TransactionState, now: StoreTime): TransactionState {
  assert(state.status === 'Ongoing', `a transaction in ${state.status} cannot be fenced`);
  assert(state.producerEpoch <= PRODUCER_EPOCH_MAX, 'a transaction is open under an exhausted epoch');
  return {
    ...state,
    status: 'PrepareAbort',
    producerEpoch: state.producerEpoch + 1,
    lastProducerEpoch: NO_PRODUCER,
    nextProducerId: NO_PRODUCER,
    isFenced: true,
    protocol: 2,
    updatedAt: now,
  };
}

/** True once the transaction is older than its time-out, by store time (rule R8). */
export function hasTimedOut({ status, startedAt, timeoutMs }: TransactionState, now: StoreTime): boolean {
  return status === 'Ongoing' && startedAt + timeoutMs < now;
}

/**
 * Aborts an expired transaction (Kafka: TransactionCoordinator.abortTimedOutTransactions). `done` if
 * it has not expired, or is over.
 */
export function decideTimeout(state: TransactionState, now: StoreTime): TransactionDecision {
  if (isPrepared(state)) return { kind: 'finish' };
  if (!hasTimedOut(state, now)) return { kind: 'done', state };
  return { kind: 'put', state: fence(state, now) };
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
    lastProducerEpoch: state.protocol === 2 ? state.producerEpoch : state.lastProducerEpoch,
    previousProducerId: state.protocol === 2 ? state.producerId : state.previousProducerId,
    nextProducerId: NO_PRODUCER,
    partitions: new Map(),
    groups: new Set(),
    updatedAt: now,
  };
}

function prepareEnd(state: TransactionState, request: EndRequest, now: StoreTime): TransactionDecision {
  const { commit, protocol, newProducerId } = request;
  const isRollOver = protocol === 2 && isEpochExhausted(state.producerEpoch);
  if (isRollOver && newProducerId === undefined) return { kind: 'needsProducerId' };
  return {
    kind: 'put',
    state: {
      ...state,
      status: commit ? 'PrepareCommit' : 'PrepareAbort',
      producerEpoch: protocol === 2 ? state.producerEpoch + 1 : state.producerEpoch,
      lastProducerEpoch: protocol === 2 ? state.producerEpoch : state.lastProducerEpoch,
      nextProducerId: isRollOver ? newProducerId! : NO_PRODUCER,
      isFenced: false,
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

/** True if the request is the one that ended the latest transaction, sent again. */
function isRepeatedEnd(state: TransactionState, { producerId, producerEpoch }: EndRequest): boolean {
  if (state.protocol !== 2 || state.isFenced || state.status === 'Ongoing' || state.status === 'Empty') return false;
  if (state.producerId === producerId) return state.producerEpoch === producerEpoch + 1;
  return state.previousProducerId === producerId && producerEpoch === PRODUCER_EPOCH_MAX && state.producerEpoch === 0;
}
