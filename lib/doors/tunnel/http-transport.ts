import { type IncomingMessage, type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Socket } from 'node:net';
import type { FrameFunction } from '../../broker/apis.ts';
import type { Clock } from '../../core/clock.ts';
import { httpAgents } from '../../core/http-agents.ts';
import { USER_AGENT_HEADER } from '../../core/user-agent.ts';
import { ENVELOPE_CONTENT_TYPE } from './envelope.ts';
import { type HttpAnswer, outcomeOfAnswer, outcomeOfError } from './http-outcome.ts';
import type { Signer } from './signing.ts';
import {
  ANSWER_TIMEOUT_MS,
  type CallOutcome,
  CONNECT_TIMEOUT_MS,
  IDLE_CONNECTION_MS,
  SOCKETS_MAX,
  type Transport,
} from './transport.ts';

export interface HttpTransportOptions {
  readonly urls: Readonly<Record<FrameFunction, URL>>;
  /** By function: function URLs have one host each, usually all in one region. */
  readonly signers: Readonly<Record<FrameFunction, Signer>>;
  /** The IAM action that callers need. */
  readonly permission: string;
  readonly clock: Clock;
}

/**
 * A larger answer cannot come from a function, and reading it stops. Lambda answers with 6 MB at
 * most.
 */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Calls functions by signed POST requests over kept-alive connections. Redirects and proxies are
 * not followed.
 */
export function httpTransport({ urls, signers, permission, clock }: HttpTransportOptions): Transport {
  const agents = httpAgents({ sockets: SOCKETS_MAX, connectMs: CONNECT_TIMEOUT_MS, idleMs: IDLE_CONNECTION_MS });

  const send = async (name: FrameFunction, body: Buffer): Promise<HttpAnswer> => {
    const url = urls[name];
    const unsigned = { 'content-type': ENVELOPE_CONTENT_TYPE, accept: ENVELOPE_CONTENT_TYPE };
    const headers = await signers[name].sign({ url, headers: unsigned, body });
    const isTls = url.protocol === 'https:';
    const requestOptions = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(body.length), 'user-agent': USER_AGENT_HEADER },
      agent: isTls ? agents.httpsAgent : agents.httpAgent,
    };
    return exchange(isTls ? requestTls : requestPlain, url, requestOptions, body, clock);
  };

  return {
    target: [...new Set(Object.values(urls).map(({ origin }) => origin))].join(', '),
    permission,
    describe: (name) => `POST ${urls[name].href}`,
    async call(name, envelope): Promise<CallOutcome> {
      for (let tries = 1; ; tries++) {
        try {
          const answer = await send(name, envelope);
          const isRefused = answer.status === 401 || answer.status === 403;
          // A signature is checked before the function is called, so the request may be sent again.
          if (isRefused && tries === 1 && (await signers[name].refused(answer.serverTime))) continue;
          return outcomeOfAnswer(answer);
        } catch (error) {
          return outcomeOfError(error);
        }
      }
    },
    close() {
      agents.httpAgent.destroy();
      agents.httpsAgent.destroy();
    },
  };
}

type Perform = (
  url: URL,
  options: RequestOptions,
  onResponse: (response: IncomingMessage) => void,
) => ReturnType<typeof requestPlain>;

/**
 * Sends one request and reads its answer. Rejects with the system's error, or with one named
 * TimeoutError.
 */
function exchange(
  perform: Perform,
  url: URL,
  options: RequestOptions,
  body: Buffer,
  clock: Clock,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let connected = false;
    const request = perform(url, options, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) request.destroy(new Error(`an answer of more than ${ANSWER_BYTES_MAX} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', () => {
        done();
        resolve({
          status: response.statusCode ?? 0,
          contentType: response.headers['content-type'] ?? '',
          serverTime: Date.parse(response.headers.date ?? ''),
          errorType: String(response.headers['x-amzn-errortype'] ?? ''),
          body: Buffer.concat(chunks),
        });
      });
      response.on('error', fail);
    });
    const fail = (error: Error) => {
      done();
      reject(Object.assign(error, { connected }));
    };
    const done = clock.setTimer(ANSWER_TIMEOUT_MS, () => {
      request.destroy(Object.assign(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`), { name: 'TimeoutError' }));
    });
    request.on('socket', (socket) => {
      const { secureConnecting } = socket as Socket & { readonly secureConnecting?: boolean };
      // If unsure, assume that there was a connection: a duplicate is worse than an error.
      connected = request.reusedSocket || !(socket.connecting || secureConnecting);
      if (connected) return;
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        connected = true;
      });
    });
    request.on('error', fail);
    // The server may close the connection halfway through its answer.
    request.on('close', () => fail(new Error('the connection was closed before the answer was whole')));
    request.end(body);
  });
}
