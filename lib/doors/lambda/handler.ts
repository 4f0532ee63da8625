import type { Authorize } from '../../auth/authorize.ts';
import type { FrameFunction } from '../../broker/apis.ts';
import type { PatientFrameHandler } from '../../broker/frame-handler.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { ENVELOPE_CONTENT_TYPE, encodeAnswerEnvelope, FRAME_CONTENT_TYPE } from '../tunnel/envelope.ts';
import { binaryAnswer, emptyAnswer, errorAnswer, type LambdaAnswer } from './answers.ts';
import { type Channel, type FrameCall, readEvent } from './events.ts';
import { ANSWER_WITHIN_MS, SEND_AWAY_BEFORE_MS, SETTLE_MS, TIMEOUT_MARGIN_MS } from './limits.ts';
import { type Refusal, refused } from './refusal.ts';
import { type Serving, serveEnvelope, serveFrame } from './serve-frames.ts';

/**
 * The parts of Lambda's context that are used. All are optional, since other runtimes may lack
 * them.
 */
export interface LambdaContext {
  readonly awsRequestId?: string;
  getRemainingTimeInMillis?(): number;
}

/** A function's engine, made once per instance. */
export interface FunctionEngine {
  readonly handle: PatientFrameHandler;
  readonly authorize: Authorize;
}

export interface FrameFunctionOptions {
  readonly name: FrameFunction;
  /** See EventRules. */
  readonly anonymous: boolean;
  /**
   * How long frames of an envelope may wait before they get `again`, if the call's time allows; ms.
   */
  readonly waitMaxMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Rejects if the store does not answer. The next request calls it again. */
  engine(): Promise<FunctionEngine>;
  /**
   * Waits until no work is running, also for an engine that could not be made, until `deadline`
   * (Clock.monotonic()) at the latest. False if work is still running.
   */
  settle(deadline: number): Promise<boolean>;
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<LambdaAnswer>;

/**
 * A function that serves Kafka frames. Never rejects: the answer reports what is wrong with a call.
 * All work has ended when it answers, since Lambda freezes the instance until its next call.
 */
export function frameFunction(options: FrameFunctionOptions): LambdaHandler {
  const { clock, logger, name, waitMaxMs } = options;
  return async (event, context) => {
    const startedAt = clock.monotonic();
    const { channel, call } = readEvent(event, options);
    const requestId = context?.awsRequestId;
    if (call.kind === 'refused') {
      logger.log('warn', {
        event: 'call_refused',
        function: name,
        requestId,
        status: call.status,
        message: call.message,
      });
      return errorAnswer(channel, call);
    }
    const deadline = startedAt + timeFor(context) - SETTLE_MS;
    try {
      const { handle, authorize } = await options.engine();
      const sendAwayAt = Math.max(startedAt, deadline - SEND_AWAY_BEFORE_MS);
      const serving = {
        name,
        handle,
        authorize,
        clock,
        principal: call.principal,
        waitMaxMs,
        sendAwayAt,
        deadline,
      };
      return await serve(channel, call, serving);
    } catch (error) {
      return errorAnswer(channel, failure(error, logger, name, requestId));
    } finally {
      const isSettled = await options.settle(deadline + SETTLE_MS);
      if (!isSettled) logger.log('warn', { event: 'work_left_running', function: name, requestId });
      logger.log('debug', { event: 'served', function: name, requestId, durationMs: clock.monotonic() - startedAt });
    }
  };
}

/** The time left for this call; ms. */
function timeFor(context: LambdaContext | undefined): number {
  const remaining = context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(ANSWER_WITHIN_MS, remaining - TIMEOUT_MARGIN_MS));
}

async function serve(channel: Channel, { kind, body }: FrameCall, serving: Serving): Promise<LambdaAnswer> {
  if (kind === 'frames') {
    const served = await serveEnvelope(serving, body);
    if ('kind' in served) return errorAnswer(channel, served);
    return binaryAnswer(channel, ENVELOPE_CONTENT_TYPE, [encodeAnswerEnvelope(served.answers, served.format)]);
  }
  const answer = await serveFrame(serving, body);
  if (answer === undefined) return emptyAnswer(channel);
  return 'kind' in answer ? errorAnswer(channel, answer) : binaryAnswer(channel, FRAME_CONTENT_TYPE, answer);
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
