import type { Authorize } from '../../auth/authorize.ts';
import type { FrameFunction } from '../../broker/apis.ts';
import type { PatientFrameHandler } from '../../broker/frame-handler.ts';
import { ENVELOPE_CONTENT_TYPE, encodeAnswerEnvelope, FRAME_CONTENT_TYPE } from '../tunnel/envelope.ts';
import { binaryAnswer, emptyAnswer, errorAnswer, type LambdaAnswer } from './answers.ts';
import { type CallOptions, type LambdaContext, runCall } from './call.ts';
import { type Channel, type FrameCall, readEvent } from './events.ts';
import type { Refusal } from './refusal.ts';
import { type Serving, serveEnvelope, serveFrame } from './serve-frames.ts';

/** A function's engine, made once per instance. */
export interface FunctionEngine {
  readonly handle: PatientFrameHandler;
  readonly authorize: Authorize;
}

export interface FrameFunctionOptions extends CallOptions {
  readonly name: FrameFunction;
  /** See EventRules. */
  readonly anonymous: boolean;
  /**
   * How long frames of an envelope may wait before they get `again`, if the call's time allows; ms.
   */
  readonly waitMaxMs: number;
  /** Rejects if the store does not answer. The next request calls it again. */
  engine(): Promise<FunctionEngine>;
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<LambdaAnswer>;

/**
 * A function that serves Kafka frames. Never rejects: the answer reports what is wrong with a call.
 * All work has ended when it answers, since Lambda freezes the instance until its next call.
 */
export function frameFunction(options: FrameFunctionOptions): LambdaHandler {
  const { clock, name, waitMaxMs } = options;
  return async (event, context) => {
    const { channel, call } = readEvent(event, options);
    const refuse = (refusal: Refusal) => errorAnswer(channel, refusal);
    return runCall(options, context, call, refuse, async ({ body, kind, principal }, { sendAwayAt, deadline }) => {
      const { handle, authorize } = await options.engine();
      return serve(channel, kind, body, { name, handle, authorize, clock, principal, waitMaxMs, sendAwayAt, deadline });
    });
  };
}

async function serve(channel: Channel, kind: FrameCall['kind'], body: Buffer, serving: Serving): Promise<LambdaAnswer> {
  if (kind === 'frames') {
    const served = await serveEnvelope(serving, body);
    if ('kind' in served) return errorAnswer(channel, served);
    return binaryAnswer(channel, ENVELOPE_CONTENT_TYPE, [encodeAnswerEnvelope(served.answers, served.format)]);
  }
  const answer = await serveFrame(serving, body);
  if (answer === undefined) return emptyAnswer(channel);
  return 'kind' in answer ? errorAnswer(channel, answer) : binaryAnswer(channel, FRAME_CONTENT_TYPE, answer);
}
