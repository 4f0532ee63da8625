import type { Failure } from '../core/errors.ts';
import { MAX_OFFSET, NO_OFFSET, type Offset } from '../core/offset.ts';
import type { Draft } from './draft.ts';
import { judgeSequence, type SequencedBatch } from './producers.ts';

/** What became of one batch. */
export type AppendResult =
  | { readonly kind: 'appended'; readonly baseOffset: Offset; readonly logStartOffset: Offset }
  | {
      readonly kind: 'duplicate';
      readonly baseOffset: Offset;
      readonly logStartOffset: Offset;
      /** Of the batch that was appended first: what a LogAppendTime topic answers; ms. */
      readonly timestamp: number;
    }
  | ({ readonly kind: 'rejected' } & Failure);

/** A validated record batch that wants to be appended. */
export interface BatchToAppend extends SequencedBatch {
  readonly partition: number;
  readonly maxTimestamp: number;
  /** The batch as it will be stored; `baseOffset` and `partitionLeaderEpoch` are set when it is read or written out. */
  readonly bytes: Buffer;
  /** True once a transaction coordinator has vouched that this transaction is open (rule R14). */
  readonly transactionVerified: boolean;
  /** The epoch under which whoever appends it leads the journal; undefined for those who append under any (rule R10). */
  readonly leaderEpoch?: number | undefined;
  /** Asked at each decision: whether a batch that the producer had sent before this one has failed. */
  readonly isBehindFailure?: (() => boolean) | undefined;
  /** Told what became of it at the very moment, before anything else is decided. */
  readonly onResult?: ((result: AppendResult) => void) | undefined;
}

export type AppendDecision =
  | { readonly kind: 'append'; readonly baseOffset: Offset }
  | { readonly kind: 'duplicate'; readonly baseOffset: Offset; readonly timestamp: number }
  | ({ readonly kind: 'rejected' } & Failure);

/**
 * May this batch be appended, and at which offset? Pure: the answer depends on the arguments alone. `isBehindFailure` says that
 * a batch which the producer had sent before this one failed in this process, so that this one cannot be its first. This is the place where
 * offsets are assigned; the conditional put of the entry makes the decision true for everybody.
 */
export function decideAppend(draft: Draft, batch: BatchToAppend, isBehindFailure = false): AppendDecision {
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
    const continues = state !== undefined && state.transactionStart !== NO_OFFSET;
    if (batch.transactional && !continues && !batch.transactionVerified) {
      return { kind: 'rejected', error: 'INVALID_TXN_STATE', message: 'the transaction is not open' };
    }
  }
  const baseOffset = draft.nextOffset(batch.partition);
  if (baseOffset > MAX_OFFSET - batch.lastOffsetDelta - 1) {
    return { kind: 'rejected', error: 'INVALID_RECORD', message: 'the partition is out of offsets' };
  }
  return { kind: 'append', baseOffset };
}
