import { setMaxListeners } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
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

/**
 * What Lambda gives to functions that send their answers as streams.
 * https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
 */
export interface StreamingRuntime {
  streamifyResponse(handler: StreamingHandler): unknown;
  readonly HttpResponseStream: {
    from(stream: Writable, head: { readonly statusCode: number; readonly headers: object }): Writable;
  };
}

export type StreamingHandler = (event: unknown, stream: Writable, context: LambdaContext) => Promise<void>;

/**
 * A function that serves HTTP. Never rejects. Answers as a whole: a stream of answers is sent when it
 * has ended.
 */
export function restFunction(options: RestFunctionOptions): RestLambdaHandler {
  return async (event, context) => {
    const { answersHttp, call } = readRestEvent(event, options.anonymous);
    const refuse = (refusal: Refusal) => (answersHttp ? httpRefusal(refusal) : errorAnswer('invoke', refusal));
    return runCall<RestCall, RestAnswer | InvokeAnswer>(options, context, call, refuse, async (read, times) => {
      const { response, answer } = await serve(await options.engine(), read, times, true);
      const bytes = Buffer.from(await response.arrayBuffer());
      // As base64, because JSON may make a text twice as long; Hono's own takes a second for 4 MB.
      if (bytes.length <= ANSWER_BYTES_MAX) return { ...answer, body: bytes.toString('base64'), isBase64Encoded: true };
      const message = `The answer is larger than a function can send (${ANSWER_BYTES_MAX} bytes). Ask for less.`;
      return httpRefusal({ kind: 'refused', status: 500, message });
    });
  };
}

/** The same, for a REST API that passes streams on: an answer is sent as it comes. */
export function streamingRestFunction(options: RestFunctionOptions, runtime: StreamingRuntime): unknown {
  return runtime.streamifyResponse(async (event, stream, context) => {
    const { call } = readRestEvent(event, options.anonymous);
    const refuse = (refusal: Refusal) => {
      const { statusCode, headers = {}, body } = httpRefusal(refusal);
      const http = runtime.HttpResponseStream.from(stream, { statusCode, headers });
      http.write(body);
      http.end();
    };
    await runCall<RestCall, void>(options, context, call, refuse, async (read, times) => {
      const { response } = await serve(await options.engine(), read, times, false);
      const head = { statusCode: response.status, headers: Object.fromEntries(response.headers) };
      const body = response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as ReadableStream);
      const http = runtime.HttpResponseStream.from(stream, head);
      // The first write sends the status; an answer without a body has none, and one of events has none yet.
      http.write('');
      try {
        await pipeline(body, http);
      } catch (error) {
        // The status has been sent. The client sees that the rest is missing.
        options.logger.log('warn', { event: 'answer_cut', function: options.name, message: String(error) });
      }
    });
  });
}

/** The response as the handler gave it, and Hono's answer to the event without the body. */
async function serve(
  engine: HttpHandler,
  { event, ...who }: RestCall,
  { sendAwayAt: deadline }: CallTimes,
  answersWhole: boolean,
): Promise<{ readonly response: Response; readonly answer: RestAnswer }> {
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const { principal, host, baseUrl } = who;
  const body = who.body === undefined ? undefined : bytesIn(who.body);
  let response = new Response();
  const app = {
    async fetch(request: Request): Promise<Response> {
      response = await engine(request, { principal, host, baseUrl, body, signal, deadline, answersWhole });
      return new Response(null, response);
    },
  };
  const answer = await handle(app as unknown as Hono)(event);
  return { response, answer };
}

async function* bytesIn(body: Buffer): AsyncGenerator<Uint8Array> {
  yield body;
}

/** A refusal in the form that clients of REST know. */
function httpRefusal({ status, message }: Refusal): RestAnswer {
  const body = JSON.stringify({ error_code: status, message });
  return { statusCode: status, headers: { 'content-type': 'application/json' }, body, isBase64Encoded: false };
}
