import { type ScheduledHandler, scheduledFunction } from '../doors/lambda/scheduled.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import { type FunctionDefinition, FunctionInstance, type FunctionParts } from './function-instance.ts';
import type { Sealing } from './sealing.ts';

// Apart from the functions that serve frames, so that these have nothing of Kafka's protocol in their
// bundles.

/** Longest call of `maintain`; ms. No client waits for it, and the next call does what is left. */
const MAINTAIN_MS_MAX = 5 * 60_000;

/** Longest call of `seal`, below Lambda's limit of 15 minutes; ms. */
const SEAL_MS_MAX = 14 * 60_000;

/**
 * What `seal` keeps of its time for the object or item in progress; ms. A PUT of 64 MiB takes some
 * seconds.
 */
const SEAL_OVERTIME_MS = 20_000;

export type MaintainDefinition = FunctionDefinition<Upkeep, 'maintain'>;
export type SealDefinition = FunctionDefinition<Sealing, 'seal'>;

/** The handler of the function `maintain`. Throws for wrong settings. */
export function composeMaintainFunction(definition: MaintainDefinition, parts: FunctionParts = {}): ScheduledHandler {
  const instance = new FunctionInstance(definition, parts);
  const { clock, logger, activity } = instance;
  return scheduledFunction({
    name: 'maintain',
    event: 'upkeep',
    msMax: MAINTAIN_MS_MAX,
    overtimeMs: 0,
    clock,
    logger,
    async upkeep(deadline) {
      const upkeep = await instance.made();
      // The schedule sets the interval.
      const outcome = await upkeep.round({ deadline, everyMs: 0 });
      if (outcome.kind === 'skipped') return { skipped: outcome.why };
      if (outcome.unavailable !== undefined) throw new StoreUnavailableError(outcome.unavailable);
      return outcome.jobs;
    },
    settle: (deadline) => activity.settled(deadline),
  });
}

/** The handler of the function `seal`. Throws for wrong settings. */
export function composeSealFunction(definition: SealDefinition, parts: FunctionParts = {}): ScheduledHandler {
  const instance = new FunctionInstance(definition, parts);
  const { clock, logger, activity } = instance;
  return scheduledFunction({
    name: 'seal',
    event: 'segments',
    msMax: SEAL_MS_MAX,
    overtimeMs: SEAL_OVERTIME_MS,
    clock,
    logger,
    async upkeep(deadline, { producers }) {
      const sealing = await instance.made();
      return producers === undefined ? sealing.run(deadline) : sealing.endTransactions(producers);
    },
    settle: (deadline) => activity.settled(deadline),
  });
}
