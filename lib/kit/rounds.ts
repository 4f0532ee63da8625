import { type Clock, sleep } from '../core/clock.ts';
import { type Random, randomInt } from '../core/random.ts';

/**
 * Each conflict means that another writer succeeded, so this many in a row need as many writes by
 * others.
 */
const ROUNDS_MAX = 50;

/**
 * Bounds of the pauses between rounds; ms. A round itself takes a few round trips of about 10 ms.
 */
const PAUSE_BASE_MS = 5;
const PAUSE_MAX_MS = 200;

export interface RoundLimits {
  /** By Clock.monotonic(); ms. No further round begins after it. */
  readonly deadline?: number;
  /** No further round begins once it aborts. */
  readonly signal?: AbortSignal;
}

/**
 * Runs `round` until it returns `done`, with growing, jittered pauses. There is no pause after
 * `againAtOnce`. False if it gave up: a limit was reached, or there were too many rounds.
 */
export async function inRounds(
  env: { readonly clock: Clock; readonly random: Random },
  { deadline = Number.POSITIVE_INFINITY, signal }: RoundLimits,
  round: () => Promise<'done' | 'again' | 'againAtOnce'>,
): Promise<boolean> {
  for (let count = 0; count < ROUNDS_MAX; count++) {
    const outcome = await round();
    if (outcome === 'done') return true;
    if (signal?.aborted || env.clock.monotonic() >= deadline) return false;
    const pauseMs = Math.min(PAUSE_BASE_MS * 2 ** Math.min(count, 10), PAUSE_MAX_MS);
    if (outcome === 'again') await sleep(env.clock, randomInt(env.random, 1, pauseMs), signal);
  }
  return false;
}
