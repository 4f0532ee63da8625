import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { Upkeep } from '../upkeep/upkeep.ts';
import type { GroupEngine } from './compose-groups.ts';

/**
 * The interval between rounds, ms. What upkeep removes is at least an hour old, and nothing waits
 * for it.
 */
const EVERY_MS = 60 * 60 * 1000;

/** The length of one round, ms. The next round, after the same interval, does the rest. */
const ROUND_MS_MAX = 5 * 60 * 1000;

/**
 * Runs upkeep once an hour in a long-running process, for the first time after an hour. One process
 * per store runs it. Returns a function that stops it; a running round stops at its next step.
 */
export function scheduleUpkeep(broker: GroupEngine, clock: Clock, logger: Logger): () => void {
  let isOver = false;
  let upkeep: Upkeep | undefined;
  const round = async (): Promise<boolean> => {
    // Not at the start, so that the start does not wait for it.
    if (upkeep === undefined) {
      const [{ composeUpkeep }, { walJob }, { restJob }] = await Promise.all([
        import('./upkeep.ts'),
        import('./wal-job.ts'),
        import('./rest-job.ts'),
      ]);
      upkeep = composeUpkeep(broker, (...given) => [...walJob(...given), ...restJob(...given)]);
    }
    const outcome = await upkeep.round({ deadline: clock.monotonic() + ROUND_MS_MAX, everyMs: EVERY_MS });
    if (outcome.kind === 'skipped') {
      logger.log('debug', { event: 'upkeep_skipped', why: outcome.why });
      return true;
    }
    logger.log('info', { event: 'upkeep', summary: JSON.stringify(outcome.jobs) });
    return outcome.isComplete || Object.values(outcome.jobs).some(({ failed }) => failed !== undefined);
  };
  const roundAndNext = async () => {
    let waitMs = EVERY_MS;
    try {
      if (!(await round())) waitMs = ROUND_MS_MAX;
    } catch (error) {
      if (isOver) return;
      const isSilent = error instanceof StoreUnavailableError;
      const message = isSilent
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
      logger.log(isSilent ? 'warn' : 'error', { event: 'upkeep_failed', message });
    }
    if (!isOver) cancel = clock.setTimer(waitMs, () => void roundAndNext());
  };
  let cancel = clock.setTimer(EVERY_MS, () => void roundAndNext());
  return () => {
    isOver = true;
    cancel();
  };
}
