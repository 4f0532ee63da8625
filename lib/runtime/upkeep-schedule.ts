import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { ComposedBroker } from './compose.ts';

/** What the upkeep removes has to be an hour old; nothing waits for it. */
const EVERY_MS = 60 * 60 * 1000;

/** One round; what is not done by then is done by the next. */
const ROUND_MS_MAX = 5 * 60 * 1000;

/**
 * Does the upkeep once an hour in a process that stays up, the first time after an hour. Other processes over the same store may
 * do so as well. Returns what ends it; a round under way stops at its next step.
 */
export function scheduleUpkeep(broker: ComposedBroker, clock: Clock, logger: Logger): () => void {
  let isOver = false;
  const round = async () => {
    try {
      // Not at the start, which nobody has wait for it.
      const { upkeep } = await import('./upkeep.ts');
      const summary = await upkeep(broker, clock.monotonic() + ROUND_MS_MAX);
      logger.log('info', { event: 'upkeep', summary: JSON.stringify(summary) });
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
    if (!isOver) cancel = clock.setTimer(EVERY_MS, () => void round());
  };
  let cancel = clock.setTimer(EVERY_MS, () => void round());
  return () => {
    isOver = true;
    cancel();
  };
}
