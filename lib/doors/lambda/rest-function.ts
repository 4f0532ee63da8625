import { setMaxListeners } from 'node:events';
import type { Hono } from 'hono';
import { handle } from 'hono/aws-lambda';
import type { HttpCaller } from '../http/server.ts';
import { errorAnswer, type InvokeAnswer } from './answers.ts';
import { type CallOptions, type CallTimes, type LambdaContext, runCall } from './call.ts';
import { ANSWER_BYTES_MAX } from './limits.ts';
import type { Refusal } from './refusal.ts';
import { type RestCall, readRestEvent } from './rest-event.ts';

export type HttpHandler = (request: Request, caller: HttpCaller) => Promise<Response>;

export interface RestFunctionOptions extends CallOptions {
  /** Whether HTTP events without an identity are accepted. */
  readonly anonymous: boolean;
  /** Rejects if the store does not answer. The next request calls it again. */
  engine(): Promise<HttpHandler>;
}

/** The answer of HTTP, with all values of a header where the event has them so. */
export type RestAnswer = Awaited<ReturnType<ReturnType<typeof handle>>>;

export type RestLambdaHandler = (event: unknown, context: LambdaContext) => Promise<RestAnswer | InvokeAnswer>;

/** Base64 of the largest answer; characters. */
const ANSWER_TEXT_MAX = 4 * Math.ceil(ANSWER_BYTES_MAX / 3);

/**
 * A function that serves HTTP. Never rejects. Answers as a whole: a stream of answers is sent when it
 * has ended.
 */
export function restFunction(options: RestFunctionOptions): RestLambdaHandler {
  return async (event, context) => {
    const { answersHttp, call } = readRestEvent(event, options.anonymous);
    const refuse = (refusal: Refusal) => (answersHttp ? httpRefusal(refusal) : errorAnswer('invoke', refusal));
    return runCall<RestCall, RestAnswer | InvokeAnswer>(options, context, call, refuse, async (read, times) => {
      const answer = await serve(await options.engine(), read, times);
      if (answer.body.length <= ANSWER_TEXT_MAX) return answer;
      const message = `The answer is larger than a function can send (${ANSWER_BYTES_MAX} bytes). Ask for less.`;
      return httpRefusal({ kind: 'refused', status: 500, message });
    });
  };
}

async function serve(engine: HttpHandler, { event, ...who }: RestCall, { sendAwayAt }: CallTimes): Promise<RestAnswer> {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const { principal, host, baseUrl } = who;
  const body = who.body === undefined ? undefined : bytesIn(who.body);
  let bytes = Buffer.alloc(0);
  const app = {
    async fetch(request: Request): Promise<Response> {
      const response = await engine(request, { principal, host, baseUrl, body, signal, deadline: sendAwayAt });
      bytes = Buffer.from(await response.arrayBuffer());
      return new Response(null, response);
    },
  };
  const answer = await handle(app as unknown as Hono)(event);
  // As base64, because JSON may make a text twice as long; Hono's own takes a second for an answer of 4 MB.
  return { ...answer, body: bytes.toString('base64'), isBase64Encoded: true };
}

async function* bytesIn(body: Buffer): AsyncGenerator<Uint8Array> {
  yield body;
}

/** A refusal in the form that clients of REST know. */
function httpRefusal({ status, message }: Refusal): RestAnswer {
  const body = JSON.stringify({ error_code: status, message });
  return { statusCode: status, headers: { 'content-type': 'application/json' }, body, isBase64Encoded: false };
}
