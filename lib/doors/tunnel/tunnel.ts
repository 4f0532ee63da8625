import { apiVersionsAnswer, unsupportedApiVersions } from '../../broker/api/18-api-versions.ts';
import { APIS } from '../../broker/apis.ts';
import type { FrameHandler, FrameOutcome } from '../../broker/frame-handler.ts';
import { functionOf } from '../../broker/functions.ts';
import { isServed, notServed, rowOf } from '../../broker/served.ts';
import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/context.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import { ApiKey } from '../../wire/api-key.ts';
import { decodeRequest, encodeResponse, type RequestFrame } from '../../wire/frame.ts';
import { ApiVersions } from '../../wire/messages/18-api-versions.ts';
import { Changes } from './changes.ts';
import type { TunnelEnvironment } from './environment.ts';
import { FunctionCalls } from './function-calls.ts';
import { sendAlone } from './lone-request.ts';
import { type FlushPace, MergedProduce, refusedAsTooLarge, tooLargeMessage } from './merged-produce.ts';
import type { WaitingPace } from './pace.ts';
import { readProduceFrame } from './produce-frame.ts';
import { REPEATED, RepeatedRequests } from './repeated-requests.ts';
import type { TailWatch } from './tail-watch.ts';
import { FRAME_BYTES_MAX, type Transport } from './transport.ts';
import { TroubleLog } from './trouble-log.ts';
import { WaitingRequests } from './waiting-requests.ts';

export interface TunnelOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The address that clients of a listener are given. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  readonly pace: FlushPace;
  /** The level of the feature transaction.version. */
  readonly transactionVersion: number;
  readonly waiting: WaitingPace;
  /** Looks at journals for waiting fetches. Default: functions are asked. */
  readonly tails?: TailWatch | undefined;
}

/**
 * A frame handler that sends requests to functions. It answers ApiVersions locally, so that clients
 * can connect while functions are cold.
 */
export function tunnelHandler(options: TunnelOptions): FrameHandler {
  const { transport, clock, logger } = options;
  const trouble = new TroubleLog(transport, clock, logger);
  const env: TunnelEnvironment = { ...options, trouble, changes: new Changes(clock) };
  const produces = new MergedProduce(env, options.pace);
  const calls = new FunctionCalls(env);
  const waiting = new WaitingRequests(env, calls, options.waiting, options.tails);
  const repeated = new RepeatedRequests(env, calls, options.waiting);

  return async (frame, context): Promise<FrameOutcome> => {
    if (frame.kind === 'malformed') return { kind: 'close', reason: `malformed request: ${frame.reason}` };
    const { apiKey, apiVersion } = frame.head;
    if (apiKey === ApiKey.ApiVersions) return answerApiVersions(frame, options.transactionVersion);
    if (!isServed(apiKey, apiVersion)) return { kind: 'close', reason: notServed(apiKey, apiVersion) };
    if (apiKey === ApiKey.Produce) return produce(frame, context);
    const { length } = frame.bytes;
    if (length > FRAME_BYTES_MAX) {
      const reason = `a request of ${length} bytes to the function ${functionOf(apiKey)}, which takes ${FRAME_BYTES_MAX} at most`;
      return { kind: 'close', reason };
    }
    if (rowOf(apiKey)?.progress === 'waiting') return waiting.send(frame, context);
    return REPEATED.has(apiKey) ? repeated.send(frame, context) : sendAlone(calls, frame, context);
  };

  function produce(frame: RequestFrame, context: RequestContext): Promise<FrameOutcome> | FrameOutcome {
    const read = readProduceFrame(frame);
    if ('problem' in read) return { kind: 'close', reason: read.problem };
    const { length } = frame.bytes;
    if (length <= FRAME_BYTES_MAX) return produces.send(frame.bytes, read, context);
    const message = tooLargeMessage(length);
    logger.log('warn', {
      event: 'request_too_large',
      listener: context.listener,
      host: context.host,
      apiKey: ApiKey.Produce,
      message,
    });
    return refusedAsTooLarge(read, message);
  }
}

function answerApiVersions(frame: RequestFrame, transactionVersion: number): FrameOutcome {
  const outcome = decodeRequest(frame, () => ({ api: ApiVersions, ...APIS.ApiVersions }));
  if (outcome.kind === 'malformed') return { kind: 'close', reason: `malformed request: ${outcome.reason}` };
  if (outcome.kind !== 'request') return unsupportedApiVersions(frame.head);
  const { apiVersion, correlationId } = frame.head;
  const level = transactionVersion === 1 ? 1 : 2;
  const answer = apiVersionsAnswer(outcome.body, apiVersion, { level, epoch: level });
  const chunks = encodeResponse(ApiVersions, apiVersion, correlationId, answer);
  return { kind: 'answer', chunks, errorCode: answer.errorCode };
}
