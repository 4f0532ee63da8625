import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { ANSWER_WITHIN_MS, SEND_AWAY_BEFORE_MS, SETTLE_MS, TIMEOUT_MARGIN_MS } from './limits.ts';
import { type Refusal, refused } from './refusal.ts';

/**
 * The parts of Lambda's context that are used. All are optional, since other runtimes may lack
 * them.
 */
export interface LambdaContext {
  readonly awsRequestId?: string;
  getRemainingTimeInMillis?(): number;
}

export interface CallOptions {
  /** The name of the function. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Waits until no work is running, also for an engine that could not be made, until `deadline`
   * (Clock.monotonic()) at the latest. False if work is still running.
   */
  settle(deadline: number): Promise<boolean>;
}

/** Until when a call may take; Clock.monotonic(), ms. */
export interface CallTimes {
  /** What only waits ends now. */
  readonly sendAwayAt: number;
  /** All else ends now. */
  readonly deadline: number;
}

/**
 * Serves a call that was read. Never rejects: the answer reports what is wrong. All work has ended
 * when it answers, since Lambda freezes the instance until its next call.
 */
export async function runCall<Call extends object, Answer>(
  { name, clock, logger, settle }: CallOptions,
  context: LambdaContext | undefined,
  call: Call | Refusal,
  refuse: (refusal: Refusal) => Answer,
  serve: (call: Call, times: CallTimes) => Promise<Answer>,
): Promise<Answer> {
  const startedAt = clock.monotonic();
  const requestId = context?.awsRequestId;
  if (isRefusal(call)) {
    const { status, message } = call;
    logger.log('warn', { event: 'call_refused', function: name, requestId, status, message });
    return refuse(call);
  }
  const deadline = startedAt + timeFor(context) - SETTLE_MS;
  try {
    return await serve(call, { sendAwayAt: Math.max(startedAt, deadline - SEND_AWAY_BEFORE_MS), deadline });
  } catch (error) {
    return refuse(failure(error, logger, name, requestId));
  } finally {
    const isSettled = await settle(deadline + SETTLE_MS);
    if (!isSettled) logger.log('warn', { event: 'work_left_running', function: name, requestId });
    logger.log('debug', { event: 'served', function: name, requestId, durationMs: clock.monotonic() - startedAt });
  }
}

function isRefusal(call: object): call is Refusal {
  return (call as Partial<Refusal>).kind === 'refused';
}

/** The time left for this call; ms. */
function timeFor(context: LambdaContext | undefined): number {
  const remaining = context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(ANSWER_WITHIN_MS, remaining - TIMEOUT_MARGIN_MS));
}

function failure(error: unknown, logger: Logger, name: string, requestId: string | undefined): Refusal {
  if (error instanceof StoreUnavailableError) {
    logger.log('warn', { event: 'store_unavailable', function: name, requestId, message: error.message });
    return refused(503, `the store does not answer: ${error.message}`);
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logger.log('error', { event: 'call_failed', function: name, requestId, message });
  return refused(500, 'an internal error, logged as call_failed');
}
