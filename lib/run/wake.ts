import type { Clock } from '../core/clock.ts';

/** The outcome of a call of the function `seal` that nobody waits for. */
export type WakeOutcome = { readonly kind: 'woken' } | { readonly kind: 'failed'; readonly message: string };

/** Producers whose transactions `seal` is to finish or to abort, instead of its work on history. */
export interface LeftOpen {
  readonly producers: readonly number[];
}

/** Starts the function `seal`. Resolves when the call is accepted. Never rejects. */
export type Wake = (left?: LeftOpen) => Promise<WakeOutcome>;

/** Undefined: there is nothing to start in this environment. */
export type OpenWake = (environment: Readonly<Record<string, string | undefined>>, clock: Clock) => Wake | undefined;
