import { type Clock, sleep } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import { type Random, randomInt } from '../core/random.ts';

/** A conflict means that another request got on, so that many in a row take at least as many of those. */
const ROUNDS_MAX = 50;

/** Pauses between rounds grow to this; each takes a few round trips of about 10 ms anyway; ms. */
const PAUSE_BASE_MS = 5;
const PAUSE_MAX_MS = 200;

/**
 * Runs `round` until it says that nothing is left to do, with jittered pauses that grow. False: it was given up, because the
 * request's time was over or there were too many rounds.
 */
export async function inRounds(
  env: { readonly clock: Clock; readonly random: Random },
  context: Pick<RequestContext, 'deadline' | 'signal'>,
  round: () => Promise<'done' | 'again' | 'againAtOnce'>,
): Promise<boolean> {
  for (let count = 0; count < ROUNDS_MAX; count++) {
    const outcome = await round();
    if (outcome === 'done') return true;
    if (context.signal.aborted || env.clock.monotonic() >= context.deadline) return false;
    const pauseMs = Math.min(PAUSE_BASE_MS * 2 ** Math.min(count, 10), PAUSE_MAX_MS);
    if (outcome === 'again') await sleep(env.clock, randomInt(env.random, 1, pauseMs), context.signal);
  }
  return false;
}
