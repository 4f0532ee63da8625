import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { FRAME_FUNCTIONS, type FrameFunction } from '../../lib/broker/apis.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { LogFields, Logger, LogLevel } from '../../lib/core/logger.ts';
import { systemRandom } from '../../lib/core/random.ts';
import type { HttpAnswer } from '../../lib/doors/lambda/answers.ts';
import type { LambdaHandler } from '../../lib/doors/lambda/handler.ts';
import { decodeRequestEnvelope } from '../../lib/doors/tunnel/envelope.ts';
import { composeFrameFunction } from '../../lib/run/compose-function.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { DEFINITIONS } from './functions.ts';
import { type SecretKeys, signatureProblem } from './signature.ts';

export const STAND_IN_KEYS: SecretKeys = new Map([['AKIDSTANDIN', 'stand-in-secret']]);
export const STAND_IN_REGION = 'eu-test-1';
/** What the AWS SDK is to find in the environment, so that it signs as the stand-in wants it. */
export const STAND_IN_ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'AKIDSTANDIN',
  AWS_SECRET_ACCESS_KEY: 'stand-in-secret',
  AWS_REGION: STAND_IN_REGION,
};
/** Functions are called so by Lambda's own API. */
export const STAND_IN_PREFIX = 'standin';
const USER_ARN = 'arn:aws:iam::123456789012:user/tester';

/** One call of a function, as it came in. */
export interface StandInCall {
  readonly name: FrameFunction;
  readonly frames: number;
  readonly bytes: number;
  /** The API key of each frame. */
  readonly apiKeys: readonly number[];
  readonly advertised: { readonly host: string; readonly port: number };
}

/**
 * What is done to a call instead of answering it.
 * - `status`: answered so, before the function is run.
 * - `dropBefore`: the connection is reset before the function is run.
 * - `dropAfter`: the function does its work, and the connection is reset instead of the answer.
 * - `dropAndRunLate`: the connection is reset at once, and the function runs `ms` later.
 */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly body?: string }
  | { readonly kind: 'dropBefore' }
  | { readonly kind: 'dropAfter' }
  | { readonly kind: 'dropAndRunLate'; readonly ms: number };

export interface StandInOptions {
  /** Of every call, ms: what the network and the front door take. */
  readonly latencyMs?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * An HTTP server that behaves as API Gateway and as Lambda's API do, in front of the functions' own handlers over one store in memory.
 * Checks signatures; each instance of a function serves one call at a time.
 */
export interface FunctionStandIn {
  readonly url: string;
  /** The calls with frames, in the order in which they came. */
  readonly calls: StandInCall[];
  /** Why calls were refused for their signatures. */
  readonly refusals: string[];
  /** Warnings and errors of the functions. */
  readonly lines: (LogFields & { level: LogLevel })[];
  /** Asked at each call. */
  fault: ((call: StandInCall) => Fault | undefined) | undefined;
  /** How far the clock is ahead that signatures are checked by, ms. */
  skewMs: number;
  readonly instances: number;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFunctionStandIn(options: StandInOptions = {}): Promise<FunctionStandIn> {
  const stores = memoryStores({ clock: systemClock, random: systemRandom });
  const environment = { TIDELOG_STORE: 'memory', ...options.environment };
  const idle = new Map<FrameFunction, LambdaHandler[]>(FRAME_FUNCTIONS.map((name) => [name, []]));
  const sockets = new Set<Socket>();
  let running = 0;
  const lines: FunctionStandIn['lines'] = [];
  const logger: Logger = {
    log: (level, fields) => {
      if (level === 'warn' || level === 'error') lines.push({ level, ...fields });
    },
  };

  const invoke = async (name: FrameFunction, event: object): Promise<unknown> => {
    running++;
    let handler = idle.get(name)!.pop();
    if (handler === undefined) {
      handler = composeFrameFunction(DEFINITIONS[name], { environment, stores, logger });
      standIn.instances++;
    }
    try {
      return await handler(event, { awsRequestId: 'stand-in' });
    } finally {
      idle.get(name)!.push(handler);
      running--;
    }
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await request.toArray());
    response.setHeader('date', new Date(Date.now() + standIn.skewMs).toUTCString());
    const reply = (status: number, type: string, text: string | Buffer, more: Record<string, string> = {}) => {
      response.writeHead(status, { 'content-type': type, ...more }).end(text);
    };
    const say = (status: number, message: string, more = {}) => {
      reply(status, 'application/json', JSON.stringify({ message }), more);
    };
    const [, api] = /^\/stage\/kafka\/([a-z]+)$/.exec(request.url!) ?? [];
    const [, lambda] = /^\/2015-03-31\/functions\/standin-([a-z]+)\/invocations$/.exec(request.url!) ?? [];
    const name = (api ?? lambda) as FrameFunction | undefined;
    const scope = { region: STAND_IN_REGION, service: request.url!.startsWith('/2015') ? 'lambda' : 'execute-api' };
    const problem = signatureProblem(request, body, scope, STAND_IN_KEYS, Date.now() + standIn.skewMs);
    if (problem !== undefined) {
      standIn.refusals.push(problem);
      const type = /expired/i.test(problem) ? 'InvalidSignatureException' : 'UnrecognizedClientException';
      return say(403, problem, { 'x-amzn-errortype': type });
    }
    if (name === undefined || !FRAME_FUNCTIONS.includes(name)) {
      return say(404, 'Not Found', { 'x-amzn-errortype': 'ResourceNotFoundException' });
    }
    if (options.latencyMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.latencyMs));
    const envelope = api === undefined ? Buffer.from(JSON.parse(body.toString()).body, 'base64') : body;
    const { frames, advertised } = decodeRequestEnvelope(envelope);
    const apiKeys = frames.map(({ frame }) => frame.readInt16BE(0));
    const call = { name, frames: frames.length, bytes: body.length, apiKeys, advertised };
    standIn.calls.push(call);
    const event = api === undefined ? JSON.parse(body.toString()) : httpEvent(request, body);
    const fault = standIn.fault?.(call);
    if (fault?.kind === 'status') return reply(fault.status, 'application/json', fault.body ?? '{"message":"no"}');
    if (fault?.kind === 'dropBefore' || fault?.kind === 'dropAndRunLate') request.socket.resetAndDestroy();
    if (fault?.kind === 'dropBefore') return;
    if (fault?.kind === 'dropAndRunLate') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    const answer = await invoke(name, event);
    if (fault?.kind === 'dropAndRunLate') return;
    if (fault?.kind === 'dropAfter') {
      request.socket.resetAndDestroy();
    } else if (api === undefined) {
      reply(200, 'application/json', JSON.stringify(answer));
    } else {
      const { statusCode, headers, body: text, isBase64Encoded } = answer as HttpAnswer;
      response.writeHead(statusCode, { ...headers }).end(isBase64Encoded ? Buffer.from(text, 'base64') : text);
    }
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: Error) => response.destroy(error));
  }).listen(0, '127.0.0.1');
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const untilIdle = async () => {
    while (running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const standIn = {
    url: `http://127.0.0.1:${port}/stage`,
    calls: [] as StandInCall[],
    refusals: [] as string[],
    lines,
    fault: undefined as FunctionStandIn['fault'],
    skewMs: 0,
    instances: 0,
    idle: untilIdle,
    async stop() {
      await untilIdle();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      await stores.close();
    },
  };
  return standIn;
}

/** API Gateway's payload 2.0, with the identity that IAM found. */
function httpEvent(request: IncomingMessage, body: Buffer): object {
  return {
    version: '2.0',
    rawPath: request.url,
    headers: { 'content-type': request.headers['content-type'] },
    requestContext: {
      stage: 'stage',
      http: { method: request.method, path: request.url },
      authorizer: { iam: { userArn: USER_ARN, callerId: 'AIDATESTER' } },
    },
    body: body.toString('base64'),
    isBase64Encoded: true,
  };
}
