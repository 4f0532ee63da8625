import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { LambdaContext } from './call.ts';
import { SETTLE_MS, TIMEOUT_MARGIN_MS } from './limits.ts';
import { refused } from './refusal.ts';
import { isObject } from './shapes.ts';

export interface ScheduledOptions<Summary extends object> {
  /** The value of `tidelog` in events for this function. */
  readonly name: 'maintain' | 'seal';
  /** `event` of the line that says what was done. */
  readonly event: string;
  /** Longest call; ms. The next call does what is left. */
  readonly msMax: number;
  /** Time kept at the end of a call for the item in progress; ms. */
  readonly overtimeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Does the work that is due, or that the event asks for, until `deadline` (Clock.monotonic()).
   * Throws StoreUnavailableError.
   */
  upkeep(deadline: number, asked: AskedFor): Promise<Summary>;
  /** See FrameFunctionOptions. */
  settle(deadline: number): Promise<boolean>;
}

/** What an event asks for. */
export interface AskedFor {
  /** How long the call may take; ms. */
  readonly withinMs: number;
  /** Producers whose transactions are to be ended, and nothing else. */
  readonly producers?: readonly number[] | undefined;
}

/** What was done, or the reason why nothing was. */
export type ScheduledAnswer =
  | { readonly upkeep: object }
  | { readonly error: { readonly status: number; readonly message: string } };

export type ScheduledHandler = (event: unknown, context: LambdaContext) => Promise<ScheduledAnswer>;

/**
 * A function that no client calls. Takes `{"tidelog": NAME}`, or EventBridge's default event if no
 * input is set; `"withinMs"` in the former limits the time of this call, and `"producers"` are the
 * ids of producers with something to end. Throws StoreUnavailableError, so that Lambda or the
 * scheduler retries. A wrong event only gets an answer that says so.
 */
export function scheduledFunction<Summary extends object>(options: ScheduledOptions<Summary>): ScheduledHandler {
  const { name, clock, logger, msMax, overtimeMs } = options;
  return async (event, context) => {
    const asked = askedFor(event, name);
    if (asked === undefined) {
      const { status, message } = refused(400, `the event is neither {"tidelog": "${name}"} nor one of a scheduler`);
      logger.log('warn', { event: 'call_refused', function: name, status, message });
      return { error: { status, message } };
    }
    const remaining = context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY;
    const leftMs = remaining - TIMEOUT_MARGIN_MS - SETTLE_MS - overtimeMs;
    const startedAt = clock.monotonic();
    const deadline = startedAt + Math.max(0, Math.min(msMax, asked.withinMs, leftMs));
    try {
      const upkeep = await options.upkeep(deadline, asked);
      const durationMs = Math.round(clock.monotonic() - startedAt);
      logger.log('info', { event: options.event, durationMs, summary: JSON.stringify(upkeep) });
      return { upkeep };
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      logger.log('warn', { event: 'store_unavailable', function: name, message: error.message });
      throw error;
    } finally {
      await options.settle(deadline + overtimeMs + SETTLE_MS);
    }
  };
}

/** The most producers of one event: a reader is held up by few. */
const PRODUCERS_MAX = 1_000;

/** Undefined: the event is not for this function. */
function askedFor(event: unknown, name: string): AskedFor | undefined {
  if (!isObject(event)) return undefined;
  const isFromScheduler = event.source === 'aws.scheduler' || event.source === 'aws.events';
  if (event.tidelog !== name && !isFromScheduler) return undefined;
  const { withinMs = Number.POSITIVE_INFINITY, producers } = event;
  if (typeof withinMs !== 'number' || !(withinMs >= 0)) return undefined;
  if (producers === undefined) return { withinMs };
  if (!Array.isArray(producers) || producers.length > PRODUCERS_MAX) return undefined;
  return producers.every((id) => Number.isSafeInteger(id) && id >= 0) ? { withinMs, producers } : undefined;
}
