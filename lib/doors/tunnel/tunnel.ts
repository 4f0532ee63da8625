import { apiVersionsAnswer, unsupportedApiVersions } from '../../broker/api/18-api-versions.ts';
import type { FrameHandler, FrameOutcome } from '../../broker/frame-handler.ts';
import { isServed } from '../../broker/served.ts';
import type { Clock } from '../../core/clock.ts';
import type { RequestContext } from '../../core/context.ts';
import { errorCode } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import { ApiKey, findApi, type RequestBody } from '../../wire/apis.ts';
import { decodeRequest, decodeRequestHeader, encodeResponse } from '../../wire/frame.ts';
import type { TunnelEnvironment } from './environment.ts';
import { functionOf } from './functions.ts';
import { LoneRequests } from './lone-request.ts';
import { type FlushPace, MergedProduce, refusedAsTooLarge, tooLargeMessage } from './merged-produce.ts';
import { readProduceFrame } from './produce-frame.ts';
import { FRAME_BYTES_MAX, type Transport } from './transport.ts';
import { TroubleLog } from './trouble-log.ts';

export interface TunnelOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** What clients of a listener are told to connect to. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  readonly pace: FlushPace;
}

/** A handler of frames that has functions do the work. Answers ApiVersions itself, so that clients connect while functions are cold. */
export function tunnelHandler(options: TunnelOptions): FrameHandler {
  const { transport, clock, logger } = options;
  const env: TunnelEnvironment = { ...options, trouble: new TroubleLog(transport, clock, logger) };
  const produces = new MergedProduce(env, options.pace);
  const others = new LoneRequests(env);

  return async (frame, context): Promise<FrameOutcome> => {
    const outcome = decodeRequestHeader(frame);
    if (outcome.kind === 'malformed') return { kind: 'close', reason: `malformed request: ${outcome.reason}` };
    const { apiKey, apiVersion } = outcome.header;
    const api = findApi(apiKey);
    if (api === undefined) return { kind: 'close', reason: `unknown API key ${apiKey}` };
    if (api.key === ApiKey.ApiVersions) return apiVersions(frame);
    if (!isServed(api.key, apiVersion)) {
      return { kind: 'close', reason: `version ${apiVersion} of API key ${apiKey} is not served` };
    }
    if (api.key === ApiKey.Produce) return produce(frame, context);
    if (frame.length > FRAME_BYTES_MAX) {
      const reason = `a request of ${frame.length} bytes to the function ${functionOf(apiKey)}, which takes ${FRAME_BYTES_MAX} at most`;
      return { kind: 'close', reason };
    }
    return others.send(frame, apiKey, context);
  };

  function produce(frame: Buffer, context: RequestContext): Promise<FrameOutcome> | FrameOutcome {
    const read = readProduceFrame(frame);
    if ('problem' in read) return { kind: 'close', reason: read.problem };
    if (frame.length <= FRAME_BYTES_MAX) return produces.send(frame, read, context);
    const message = tooLargeMessage(frame.length);
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

function apiVersions(frame: Buffer): FrameOutcome {
  const outcome = decodeRequest(frame, isServed);
  switch (outcome.kind) {
    case 'malformed':
      return { kind: 'close', reason: `malformed request: ${outcome.reason}` };
    case 'request': {
      const { apiVersion, correlationId } = outcome.header;
      const body = outcome.body as RequestBody<typeof ApiKey.ApiVersions>;
      const answer = apiVersionsAnswer(body, apiVersion);
      const chunks = encodeResponse(ApiKey.ApiVersions, apiVersion, correlationId, answer);
      return { kind: 'answer', chunks, errorCode: answer.errorCode };
    }
    default: {
      const chunks = encodeResponse(ApiKey.ApiVersions, 0, outcome.header.correlationId, unsupportedApiVersions());
      return { kind: 'answer', chunks, errorCode: errorCode('UNSUPPORTED_VERSION') };
    }
  }
}
