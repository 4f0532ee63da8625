import { scaled } from '../support/machine.ts';

/** How long things go wrong in the default form: longer than the long stop, which clients do not wait for. */
const DEFAULT_SECONDS = 75;

/** Set it to repeat a run's plan; what the machine does in between it cannot repeat. */
export const CHAOS_SEED = Number(process.env.TIDELOG_CHAOS_SEED ?? Date.now() % 1_000_000);

/** How long things go wrong with several gateways; a third of it with one. */
export const CHAOS_SECONDS = Number(process.env.TIDELOG_CHAOS_SECONDS ?? DEFAULT_SECONDS);

/** Starting, settling and checking, on top of the troubles; ms. */
export const REST_MS = scaled(240_000);

/** Tells people what is going on, without the marks that a test's output gets. */
export function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
