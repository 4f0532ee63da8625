import type { Clock } from '../core/clock.ts';

/** The outcome of a call of the function `seal` that nobody waits for. */
export type WakeOutcome = { readonly kind: 'woken' } | { readonly kind: 'failed'; readonly message: string };

/** Starts the function `seal`. Resolves when the call is accepted. Never rejects. */
export type Wake = () => Promise<WakeOutcome>;

/** Undefined: there is nothing to start in this environment. */
export type OpenWake = (environment: Readonly<Record<string, string | undefined>>, clock: Clock) => Wake | undefined;
