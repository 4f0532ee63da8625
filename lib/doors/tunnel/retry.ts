import type { Random } from '../../core/random.ts';
import type { CallOutcome } from './transport.ts';

/**
 * How long a request that cannot get through is tried again before its connection is closed; ms. Half of the 30 s that most
 * clients wait for an answer, so that they hear of it in time to try elsewhere.
 */
export const PATIENCE_MS = 15_000;

/** The first wait is up to this long, each further one up to twice as long; with full jitter. */
const FIRST_WAIT_MS = 50;
const WAIT_MS_MAX = 2_000;

/** Whether the same may work a moment later and surely did nothing yet. */
export function mayPass(outcome: CallOutcome): boolean {
  return outcome.kind === 'refused' && (outcome.reason === 'throttled' || outcome.reason === 'unreachable');
}

/** The wait before the attempt after `tries` of them, ms. */
export function backoffMs(random: Random, tries: number): number {
  return random.next() * Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** (tries - 1));
}
