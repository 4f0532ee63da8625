import {
  type Item,
  MAX_SIGNATURE_AGE_MS,
  type PutOutcome,
  type RefusedReason,
  type StoreTime,
} from '../../storage/ports.ts';

/** A writer signs an append only if its view is younger than this (rule R3); ms. */
export const VIEW_AGE_MAX_MS = 60 * 60 * 1000;

/**
 * Added to MAX_SIGNATURE_AGE_MS, because the store may accept a put at the last moment and carry it
 * out later; ms.
 */
const LANDING_MARGIN_MS = 60_000;

const RETRY_BASE_MS = 10;
const RETRY_MAX_MS = 1_000;

/**
 * Waits after lost races, chosen in the simulation with AWS's latencies (docs/PERFORMANCE.md). The
 * first wait is up to half the duration of an attempt. Waits grow up to eight times that, the time
 * that ten writers need to write one after the other.
 */
const RACE_WAIT_SHARE = 0.5;
const RACE_WAIT_GROWTH_MAX = 8;
const RACE_WAIT_MAX_MS = 1_000;

/** After more lost races than this, a writer's waits become shorter. */
const PATIENT_LOSSES = 4;

/**
 * What the writer knows about a put:
 *
 * - `mine`: the entry is in the slot.
 * - `taken`: another entry is in the slot; `item`, unless a read has applied it already.
 * - `refused`: nothing was written. `stale`: the view has to be confirmed first; `later`: try
 *   again; `tooLarge` and `rejected`: the store does not accept this item.
 * - `lost`: the slot's entry was deleted long ago, so its writer can no longer be determined.
 */
export type Verdict =
  | { readonly kind: 'mine' }
  | { readonly kind: 'taken'; readonly item: Item | undefined }
  | Refused
  | { readonly kind: 'lost' };

export interface Refused {
  readonly kind: 'refused';
  readonly how: 'stale' | 'later' | 'tooLarge' | 'rejected';
  readonly message: string;
}

/**
 * Judges the answer to a put (rule R2).
 *
 * - `unsure`: this put, or an earlier one of the same item, may have landed or may still land.
 * - `look`: as `unsure`, but the store refuses every repetition of the put, so only a read can
 *   tell.
 *
 * @param unsure whether an earlier put of the same item had no answer
 */
export function judgePut(
  outcome: PutOutcome,
  nonce: string,
  unsure: boolean,
): Verdict | { readonly kind: 'unsure' } | { readonly kind: 'look'; readonly refusal: Refused } {
  switch (outcome.kind) {
    case 'committed':
      return { kind: 'mine' };
    case 'conflict':
      return outcome.existing?.nonce === nonce ? { kind: 'mine' } : { kind: 'taken', item: outcome.existing };
    case 'unknown':
      return { kind: 'unsure' };
    case 'refused': {
      const how = howRefused(outcome.reason);
      const refusal = { kind: 'refused', how, message: outcome.message } as const;
      if (!unsure) return refusal;
      return how === 'later' ? { kind: 'unsure' } : { kind: 'look', refusal };
    }
  }
}

/**
 * Judges an unsure put by later reads. Undefined while the slot is empty in the view.
 *
 * @param seen whose entry a read found in the slot
 * @param viewSeq the last slot of the view; past the put's slot without `seen`, the view came from
 *   a checkpoint
 */
export function judgeView(seen: 'mine' | 'taken' | undefined, viewSeq: number, putSeq: number): Verdict | undefined {
  if (seen === 'mine') return { kind: 'mine' };
  if (seen === 'taken') return { kind: 'taken', item: undefined };
  return viewSeq >= putSeq ? { kind: 'lost' } : undefined;
}

/**
 * Whether a put without an answer may still land (rule R2).
 *
 * @param signedUntil store time by which all its attempts were signed
 * @param confirmedAt store time of the last confirmation that the slot is empty
 */
export function canStillLand(signedUntil: StoreTime, confirmedAt: StoreTime): boolean {
  // Not `<=`: NaN, a time that is not known yet, proves nothing.
  return !(confirmedAt > signedUntil + MAX_SIGNATURE_AGE_MS + LANDING_MARGIN_MS);
}

function howRefused(reason: RefusedReason): Refused['how'] {
  switch (reason) {
    case 'stale':
    case 'expired':
      return 'stale';
    case 'throttled':
    case 'unavailable':
      return 'later';
    case 'tooLarge':
    case 'rejected':
      return reason;
  }
}

/** Bounds of the wait before attempt `number` + 1, after a failure of the store; ms. */
export function retryBounds(number: number): { readonly min: number; readonly max: number } {
  const max = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(number, 10));
  return { min: Math.ceil(max / 2), max };
}

/**
 * The longest wait after a lost race. The first race is usually lost to an entry that was already
 * there, so the next attempt needs no wait. From the second on, other writers are active: the wait
 * grows, in units of the duration of an attempt. It shrinks again after many losses, because
 * otherwise a new writer would always win against the one that has waited longest.
 *
 * @param losses consecutive races lost by this work
 * @param tookMs duration of the attempt that was lost; ms
 */
export function raceWaitMs(losses: number, tookMs: number): number {
  if (losses <= 1) return 0;
  const unit = tookMs * RACE_WAIT_SHARE;
  const grown = unit * Math.min(RACE_WAIT_GROWTH_MAX, 2 ** (losses - 2));
  const bound = losses <= PATIENT_LOSSES ? grown : Math.max(unit, grown / (losses - PATIENT_LOSSES));
  return Math.ceil(Math.min(bound, RACE_WAIT_MAX_MS));
}
