import type { Clock } from '../core/clock.ts';
import { answerWithin } from '../kit/deadline.ts';

/** The outcome of a call of the function `seal` that nobody waits for. */
export type WakeOutcome = { readonly kind: 'woken' } | { readonly kind: 'failed'; readonly message: string };

/** Producers whose transactions `seal` is to finish or to abort, instead of its work on history. */
export interface LeftOpen {
  readonly producers: readonly number[];
}

/**
 * Longest time that a wake may hold up the answer of a function; ms. It takes some 20 to 40 ms, and a
 * put beside the call.
 */
const WAKE_MS_MAX = 2_000;

/** The outcome of a wake in progress, or that it is late. The timer keeps a function from answering before. */
export function wokenInTime(clock: Clock, waking: Promise<WakeOutcome>): Promise<WakeOutcome> {
  return answerWithin(clock, WAKE_MS_MAX, waking, () => wakeFailed(`no answer within ${WAKE_MS_MAX} ms`));
}

export function wakeFailed(message: string): WakeOutcome {
  return { kind: 'failed', message };
}

/** Starts the function `seal`. Resolves when the call is accepted. Never rejects. */
export type Wake = (left?: LeftOpen) => Promise<WakeOutcome>;

/** Undefined: there is nothing to start in this environment. */
export type OpenWake = (environment: Readonly<Record<string, string | undefined>>, clock: Clock) => Wake | undefined;
