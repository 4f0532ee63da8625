import type { Random } from '../../core/random.ts';
import type { CallOutcome } from './transport.ts';

/**
 * How long a failing request is retried before its connection is closed; ms. Half of the 30 s that
 * most clients wait for an answer, so that they have time left to try elsewhere.
 */
export const PATIENCE_MS = 15_000;

/** Upper bound of the first wait. It doubles with each further one; with full jitter. */
const FIRST_WAIT_MS = 50;
const WAIT_MS_MAX = 2_000;

/** Whether the request was certainly not carried out and may succeed a moment later. */
export function mayPass(outcome: CallOutcome): boolean {
  return outcome.kind === 'refused' && (outcome.reason === 'throttled' || outcome.reason === 'unreachable');
}

/** The wait before the attempt that follows `tries` attempts, ms. */
export function backoffMs(random: Random, tries: number): number {
  return random.next() * Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (tries - 1));
}
