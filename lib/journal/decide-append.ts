import type { Failure } from '../core/errors.ts';
import { MAX_OFFSET, NO_OFFSET, type Offset } from '../core/offset.ts';
import type { Draft } from './draft.ts';
import { judgeSequence, type ProducerState, type SequencedBatch } from './producers.ts';

/** The outcome of one batch. */
export type AppendResult =
  | { readonly kind: 'appended'; readonly baseOffset: Offset; readonly logStartOffset: Offset }
  | {
      readonly kind: 'duplicate';
      readonly baseOffset: Offset;
      readonly logStartOffset: Offset;
      /** The timestamp of the original batch, for the response of a LogAppendTime topic; ms. */
      readonly timestamp: number;
    }
  | ({ readonly kind: 'rejected' } & Failure);

/** A validated record batch to append. */
export interface BatchToAppend extends SequencedBatch {
  readonly partition: number;
  readonly maxTimestamp: number;
  /**
   * The batch as stored. `baseOffset` and `partitionLeaderEpoch` are set when the batch is written
   * to an entry or read.
   */
  readonly bytes: Buffer;
  /** True if the caller knows that the transaction is open (rule R14). */
  readonly transactionVerified: boolean;
  /**
   * Asks the transaction coordinator, if the view shows no open transaction of the batch's epoch:
   * adds the partition to the transaction, or verifies it (rule R14). Undefined: the transaction is
   * open. Called at each attempt, after the view was confirmed (rule R6). Absent: such a batch is
   * refused. Rejects with StoreUnavailableError.
   */
  readonly joinTransaction?: (() => Promise<Failure | undefined>) | undefined;
  /**
   * The epoch under which the caller leads the journal; undefined if it appends under any epoch
   * (rule R10).
   */
  readonly leaderEpoch?: number | undefined;
  /** Called at each decision: whether an earlier batch of the producer has failed. */
  readonly isBehindFailure?: (() => boolean) | undefined;
  /** Called with the result synchronously, before the next batch is decided. */
  readonly onResult?: ((result: AppendResult) => void) | undefined;
}

/** What the coordinator said: the batch's transaction is open, or why the batch is refused. */
export type TransactionFact = 'open' | Failure;

/** `ask`: the batch begins its transaction in the partition; the coordinator has to be asked. */
export type AppendDecision =
  | { readonly kind: 'append'; readonly baseOffset: Offset }
  | { readonly kind: 'duplicate'; readonly baseOffset: Offset; readonly timestamp: number }
  | { readonly kind: 'ask' }
  | ({ readonly kind: 'rejected' } & Failure);

/**
 * Decides whether a batch may be appended, and at which offset. Pure: the result depends on the
 * arguments alone. `isBehindFailure`: an earlier batch of the producer failed in this process, so
 * this batch cannot be the producer's first. `transaction`: what the coordinator said, if it was
 * asked. Offsets are assigned only here. The conditional put of the entry makes the decision final.
 */
export function decideAppend(
  draft: Draft,
  batch: BatchToAppend,
  isBehindFailure = false,
  transaction?: TransactionFact,
): AppendDecision {
  if (draft.view.closed) {
    return { kind: 'rejected', error: 'UNKNOWN_TOPIC_OR_PARTITION', message: 'the topic was deleted' };
  }
  if (batch.leaderEpoch !== undefined && batch.leaderEpoch !== draft.view.leaderEpoch) {
    return { kind: 'rejected', error: 'NOT_LEADER_OR_FOLLOWER', message: 'another node has taken over' };
  }
  if (batch.producerId >= 0) {
    const state = draft.producer(batch.partition, batch.producerId);
    const verdict = judgeSequence(state, batch);
    if (verdict.kind === 'duplicate') {
      const { baseOffset, timestamp } = verdict.original;
      return { kind: 'duplicate', baseOffset, timestamp };
    }
    if (verdict.kind === 'rejected') return verdict;
    if (state === undefined && isBehindFailure) {
      return { kind: 'rejected', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', message: 'an earlier batch has failed' };
    }
    if (batch.transactional && !batch.transactionVerified && !continues(state, batch)) {
      if (transaction === undefined) return batch.joinTransaction === undefined ? NOT_OPEN : { kind: 'ask' };
      if (transaction !== 'open') return { kind: 'rejected', ...transaction };
    }
  }
  const baseOffset = draft.nextOffset(batch.partition);
  if (baseOffset > MAX_OFFSET - batch.lastOffsetDelta - 1) {
    return { kind: 'rejected', error: 'INVALID_RECORD', message: 'the partition is out of offsets' };
  }
  return { kind: 'append', baseOffset };
}

const NOT_OPEN: AppendDecision = {
  kind: 'rejected',
  error: 'INVALID_TXN_STATE',
  message: 'the transaction is not open',
};

/** Whether the partition has an open transaction of the batch's producer and epoch. */
function continues(state: ProducerState | undefined, { producerEpoch }: SequencedBatch): boolean {
  return state !== undefined && state.transactionStart !== NO_OFFSET && state.epoch === producerEpoch;
}
