import type { ErrorName } from '../core/errors.ts';
import type { Interrupted } from './interrupted.ts';

/** Errors after which a producer sends the same batch again. */
const TRANSIENT: ReadonlySet<ErrorName> = new Set([
  'REQUEST_TIMED_OUT',
  'KAFKA_STORAGE_ERROR',
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_ENOUGH_REPLICAS',
]);

type Outcome = { readonly kind: 'appended' | 'duplicate' } | { readonly kind: 'rejected'; readonly error: ErrorName };

/** Links a batch of an idempotent producer to the producer's earlier batches. */
export interface SequencedAppend {
  /** See BatchToAppend. */
  readonly isBehindFailure: () => boolean;
  /** Records the outcome. Only the first call counts, because later batches were decided by it. */
  readonly onResult: (outcome: Outcome) => void;
}

/** @param stream identifies the partition, the producer and its epoch */
export function sequencedAppend(interrupted: Interrupted, stream: string, baseSequence: number): SequencedAppend {
  let isKnown = false;
  return {
    isBehindFailure: () => interrupted.isBehind(stream, baseSequence),
    onResult(outcome) {
      if (isKnown) return;
      isKnown = true;
      if (outcome.kind !== 'rejected') interrupted.appended(stream, baseSequence);
      else if (TRANSIENT.has(outcome.error)) interrupted.failed(stream, baseSequence);
    },
  };
}
