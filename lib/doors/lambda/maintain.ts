import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { LambdaContext } from './handler.ts';
import { SETTLE_MS, TIMEOUT_MARGIN_MS } from './limits.ts';
import { refused } from './refusal.ts';
import { isObject } from './shapes.ts';

/** No client waits for a scheduled call. The next call does what is left. */
const UPKEEP_MS_MAX = 5 * 60_000;

export interface MaintainOptions<Summary extends object> {
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Does the work that is due, until `deadline` (Clock.monotonic()). Throws StoreUnavailableError.
   */
  upkeep(deadline: number): Promise<Summary>;
  /** See FrameFunctionOptions. */
  settle(deadline: number): Promise<boolean>;
}

/** What was done, or the reason why nothing was. */
export type MaintainAnswer =
  | { readonly upkeep: object }
  | { readonly error: { readonly status: number; readonly message: string } };

export type MaintainHandler = (event: unknown, context: LambdaContext) => Promise<MaintainAnswer>;

/**
 * The scheduled function. Takes `{"tidelog": "maintain"}`, or EventBridge's default event if no
 * input is set. Throws StoreUnavailableError, so that the scheduler retries. A wrong event only
 * gets an answer that says so.
 */
export function maintainFunction<Summary extends object>(options: MaintainOptions<Summary>): MaintainHandler {
  const { clock, logger } = options;
  return async (event, context) => {
    if (!isScheduled(event)) {
      const { status, message } = refused(400, 'the event is neither {"tidelog": "maintain"} nor one of a scheduler');
      logger.log('warn', { event: 'call_refused', function: 'maintain', status, message });
      return { error: { status, message } };
    }
    const remaining = context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY;
    const startedAt = clock.monotonic();
    const deadline = startedAt + Math.max(0, Math.min(UPKEEP_MS_MAX, remaining - TIMEOUT_MARGIN_MS - SETTLE_MS));
    try {
      const upkeep = await options.upkeep(deadline);
      const durationMs = Math.round(clock.monotonic() - startedAt);
      logger.log('info', { event: 'upkeep', durationMs, summary: JSON.stringify(upkeep) });
      return { upkeep };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      logger.log('warn', { event: 'store_unavailable', function: 'maintain', message: error.message });
      throw error;
    } finally {
      await options.settle(deadline + SETTLE_MS);
    }
  };
}

function isScheduled(event: unknown): boolean {
  if (!isObject(event)) return false;
  return event.tidelog === 'maintain' || event.source === 'aws.scheduler' || event.source === 'aws.events';
}
