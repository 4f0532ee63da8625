import { NO_PRODUCER, type TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import { fence } from './decide-end.ts';
import {
  isEpochExhausted,
  isPrepared,
  type ProducerIdAndEpoch,
  refused,
  type TransactionDecision,
} from './decision.ts';

export interface InitRequest {
  readonly transactionalId: string;
  /** From the request; ms. */
  readonly timeoutMs: number;
  /** `transaction.max.timeout.ms`. */
  readonly timeoutMaxMs: number;
  /** The producer id and epoch that the client believes to have (KIP-360); undefined for none. */
  readonly expected: ProducerIdAndEpoch | undefined;
  /** A new producer id, if one was taken already. */
  readonly newProducerId: number | undefined;
}

/**
 * InitProducerId with a transactional id (Kafka: TransactionCoordinator.handleInitProducerId and
 * prepareInitProducerIdTransit). An ongoing transaction is fenced: the `put` prepares its abort, and
 * after its completion the request is decided again.
 */
export function decideInit(
  state: TransactionState | undefined,
  request: InitRequest,
  now: StoreTime,
): TransactionDecision {
  const { transactionalId, timeoutMs, timeoutMaxMs, expected, newProducerId } = request;
  if (transactionalId === '') return refused('INVALID_REQUEST', 'the transactional id is empty');
  if (timeoutMs <= 0 || timeoutMs > timeoutMaxMs) {
    return refused('INVALID_TRANSACTION_TIMEOUT', `the time-out has to be between 1 and ${timeoutMaxMs} ms`);
  }
  if (state === undefined || state.status === 'Dead') {
    if (newProducerId === undefined) return { kind: 'needsProducerId' };
    return { kind: 'put', state: firstState(state, request, newProducerId, now) };
  }
  if (expected !== undefined && !isOfProducer(state, expected)) return refused('PRODUCER_FENCED', FENCED);
  if (isPrepared(state)) return { kind: 'finish' };
  if (state.status === 'Ongoing') return fence(state, newProducerId, now);

  const empty: TransactionState = {
    ...state,
    status: 'Empty',
    previousProducerId: state.producerId,
    timeoutMs,
    partitions: new Map(),
    groups: new Set(),
    startedAt: -1,
    updatedAt: now,
  };
  if (expected === undefined || expected.producerEpoch === state.producerEpoch) {
    const lastProducerEpoch = expected === undefined ? NO_PRODUCER : state.producerEpoch;
    if (!isEpochExhausted(state.producerEpoch)) {
      return { kind: 'put', state: { ...empty, producerEpoch: state.producerEpoch + 1, lastProducerEpoch } };
    }
    if (newProducerId === undefined) return { kind: 'needsProducerId' };
    return { kind: 'put', state: { ...empty, producerId: newProducerId, producerEpoch: 0, lastProducerEpoch } };
  }
  // The epoch was bumped already, and the answer was lost.
  if (expected.producerEpoch === state.lastProducerEpoch) return { kind: 'put', state: empty };
  return refused('PRODUCER_FENCED', FENCED);
}

const FENCED = 'another producer has the transactional id';

function firstState(
  dead: TransactionState | undefined,
  { transactionalId, timeoutMs }: InitRequest,
  producerId: number,
  now: StoreTime,
): TransactionState {
  return {
    transactionalId,
    status: 'Empty',
    transaction: Math.max(now, dead?.transaction ?? 0),
    producerId,
    producerEpoch: 0,
    lastProducerEpoch: NO_PRODUCER,
    previousProducerId: producerId,
    nextProducerId: NO_PRODUCER,
    protocol: 1,
    timeoutMs,
    partitions: new Map(),
    groups: new Set(),
    startedAt: -1,
    updatedAt: now,
  };
}

function isOfProducer(state: TransactionState, { producerId, producerEpoch }: ProducerIdAndEpoch): boolean {
  if (producerId === state.producerId) return true;
  return producerId === state.previousProducerId && isEpochExhausted(producerEpoch);
}
