import type { TransactionPartitions, TransactionState } from '../storage/items/transaction.ts';
import type { StoreTime } from '../storage/ports.ts';
import { isPrepared, type ProducerIdAndEpoch, refused, type TransactionDecision } from './decision.ts';

export interface AddRequest extends ProducerIdAndEpoch {
  readonly partitions: TransactionPartitions;
  readonly groups: readonly string[];
}

/**
 * AddPartitionsToTxn, AddOffsetsToTxn, and the implicit additions of version 2 (Kafka:
 * TransactionCoordinator.handleAddPartitionsToTransaction). The first addition opens the
 * transaction.
 */
export function decideAdd(
  state: TransactionState | undefined,
  request: AddRequest,
  now: StoreTime,
): TransactionDecision {
  const other = refuseOther(state, request);
  if (other !== undefined || state === undefined) return other ?? UNKNOWN;
  if (isPrepared(state)) return { kind: 'finish' };
  const isOpen = state.status === 'Ongoing';
  if (isOpen && contains(state, request)) return { kind: 'done', state };
  const partitions = new Map(isOpen ? state.partitions : []);
  for (const [topicId, added] of request.partitions) {
    partitions.set(topicId, new Set([...(partitions.get(topicId) ?? []), ...added]));
  }
  return {
    kind: 'put',
    state: {
      ...state,
      status: 'Ongoing',
      transaction: isOpen ? state.transaction : state.transaction + 1,
      startedAt: isOpen ? state.startedAt : now,
      previousProducerId: state.producerId,
      partitions,
      groups: new Set([...(isOpen ? state.groups : []), ...request.groups]),
      updatedAt: now,
    },
  };
}

/**
 * Rule R14 for version 1: whether all that is named stands in the open transaction (Kafka:
 * TransactionCoordinator.handleVerifyPartitionsInTransaction).
 */
export function decideVerify(state: TransactionState | undefined, request: AddRequest): TransactionDecision {
  const other = refuseOther(state, request);
  if (other !== undefined || state === undefined) return other ?? UNKNOWN;
  if (isPrepared(state)) return { kind: 'finish' };
  if (state.status === 'Ongoing' && contains(state, request)) return { kind: 'done', state };
  return refused('TRANSACTION_ABORTABLE', 'the partition or group is not in the transaction');
}

const UNKNOWN = refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id is unknown');

function refuseOther(
  state: TransactionState | undefined,
  { producerId, producerEpoch }: ProducerIdAndEpoch,
): TransactionDecision | undefined {
  if (state === undefined || state.status === 'Dead') return UNKNOWN;
  if (state.producerId !== producerId) {
    return refused('INVALID_PRODUCER_ID_MAPPING', 'the transactional id has another producer id');
  }
  if (state.producerEpoch !== producerEpoch) {
    return refused('PRODUCER_FENCED', 'another producer has the transactional id');
  }
  return undefined;
}

function contains(state: TransactionState, { partitions, groups }: AddRequest): boolean {
  for (const [topicId, wanted] of partitions) {
    const listed = state.partitions.get(topicId);
    for (const partition of wanted) if (listed?.has(partition) !== true) return false;
  }
  return groups.every((group) => state.groups.has(group));
}
