import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET } from '../core/offset.ts';
import { incrementSequence } from '../records/batch.ts';
import type { BatchMeta } from './entry.ts';
import type { ProducerState, RememberedBatch } from './producer-codec.ts';

export type { ProducerState, RememberedBatch } from './producer-codec.ts';

/**
 * Batches remembered per producer and partition (Kafka: ProducerStateEntry.NUM_BATCHES_TO_RETAIN).
 */
export const REMEMBERED_BATCHES = 5;

/**
 * A producer is forgotten after this time without a batch (Kafka's default of
 * producer.id.expiration.ms); ms. Not a setting: every process has to fold the same entries to the
 * same view.
 */
export const PRODUCER_EXPIRATION_MS = 24 * 60 * 60 * 1000;

/** Whether a producer counts as one that was never there. Not while its transaction is open. */
export function isForgotten({ transactionStart, lastTime }: ProducerState, time: number): boolean {
  return transactionStart === NO_OFFSET && lastTime + PRODUCER_EXPIRATION_MS < time;
}

export type SequenceVerdict =
  | { readonly kind: 'next' }
  | { readonly kind: 'duplicate'; readonly original: RememberedBatch }
  | { readonly kind: 'rejected'; readonly error: ErrorName; readonly message: string };

const NEXT: SequenceVerdict = { kind: 'next' };

export interface SequencedBatch {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly lastOffsetDelta: number;
  readonly transactional: boolean;
}

/**
 * Decides whether a batch may come next, given the state of its producer (undefined: none). The
 * checks, their order and their errors are those of Kafka's ProducerStateManager and
 * ProducerAppendInfo: a repetition of one of the last five batches is a duplicate, an older epoch
 * is fenced, a new epoch starts at sequence 0, and an unknown producer may start anywhere.
 */
export function judgeSequence(state: ProducerState | undefined, batch: SequencedBatch): SequenceVerdict {
  if (state === undefined) return NEXT;
  const lastSequence = incrementSequence(batch.baseSequence, batch.lastOffsetDelta);
  if (batch.producerEpoch === state.epoch) {
    const original = state.batches.find(
      (known) => known.baseSequence === batch.baseSequence && known.lastSequence === lastSequence,
    );
    if (original !== undefined) return { kind: 'duplicate', original };
  }
  if (batch.producerEpoch < state.epoch) {
    return reject(
      'INVALID_PRODUCER_EPOCH',
      `producer ${batch.producerId} wrote with epoch ${batch.producerEpoch}, its current one is ${state.epoch}`,
    );
  }
  if (batch.producerEpoch > state.epoch) {
    if (batch.baseSequence !== 0) {
      return reject(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
        `producer ${batch.producerId} began epoch ${batch.producerEpoch} with sequence ${batch.baseSequence}, not 0`,
      );
    }
  } else {
    const last = state.batches.at(-1);
    const expected = last === undefined ? 0 : incrementSequence(last.lastSequence, 1);
    if (batch.baseSequence !== expected) {
      return reject(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
        `producer ${batch.producerId} wrote sequence ${batch.baseSequence}, expected ${expected}`,
      );
    }
  }
  if (state.transactionStart !== NO_OFFSET && !batch.transactional) {
    return reject('INVALID_TXN_STATE', `producer ${batch.producerId} wrote outside of its open transaction`);
  }
  return NEXT;
}

function reject(error: ErrorName, message: string): SequenceVerdict {
  return { kind: 'rejected', error, message };
}

/** The state after a data batch with the verdict `next`. */
export function afterBatch(state: ProducerState | undefined, batch: BatchMeta, time: number): ProducerState {
  const remembered: RememberedBatch = {
    baseSequence: batch.baseSequence,
    lastSequence: incrementSequence(batch.baseSequence, batch.lastOffsetDelta),
    baseOffset: batch.baseOffset,
    timestamp: batch.maxTimestamp,
  };
  const sameEpoch = state !== undefined && state.epoch === batch.producerEpoch;
  const kept = sameEpoch ? state.batches.slice(-(REMEMBERED_BATCHES - 1)) : [];
  const open = state?.transactionStart ?? NO_OFFSET;
  return {
    epoch: batch.producerEpoch,
    batches: [...kept, remembered],
    lastTime: time,
    transactionStart: batch.transactional && open === NO_OFFSET ? batch.baseOffset : open,
  };
}

/**
 * The state after a marker of `producerEpoch`: the transaction has ended, and the batches of an
 * older epoch are forgotten.
 */
export function afterMarker(state: ProducerState | undefined, producerEpoch: number, time: number): ProducerState {
  const sameEpoch = state !== undefined && state.epoch === producerEpoch;
  return {
    epoch: Math.max(producerEpoch, state?.epoch ?? producerEpoch),
    batches: sameEpoch ? state.batches : [],
    lastTime: time,
    transactionStart: NO_OFFSET,
  };
}
