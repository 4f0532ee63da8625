import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { wakeSeal } from '../../../../lib/run/functions/wake-seal.ts';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: Server;
let received: Received[];
let status: number;

beforeEach(async () => {
  received = [];
  status = 202;
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method, url, headers } = request;
    received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(status).end(status === 202 ? '' : '{"Message":"no such function"}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
  vi.stubEnv('AWS_SESSION_TOKEN', 'token');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const port = () => (server.address() as AddressInfo).port;

const environment = () => ({
  AWS_LAMBDA_FUNCTION_NAME: 'tidelog-dev-produce',
  AWS_REGION: 'eu-central-1',
  AWS_ENDPOINT_URL: `http://127.0.0.1:${port()}`,
});

describe('the wake of the function seal', () => {
  it('is an asynchronous call of the function of the same deployment, signed for Lambda', async () => {
    const wake = wakeSeal(environment(), systemClock)!;
    expect(await wake()).toEqual({ kind: 'woken' });
    expect(received).toMatchObject([
      {
        method: 'POST',
        url: '/2015-03-31/functions/tidelog-dev-seal/invocations',
        body: '{"tidelog":"seal"}',
        headers: {
          host: `127.0.0.1:${port()}`,
          'user-agent': expect.stringMatching(/^tidelog\/\d+\.\d+\.\d+$/),
          'content-length': '18',
          'x-amz-invocation-type': 'Event',
          'x-amz-security-token': 'token',
          authorization: expect.stringMatching(
            /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/lambda\/aws4_request, SignedHeaders=.*host.*x-amz-invocation-type/,
          ),
        },
      },
    ]);
  });

  it.each(['tidelog-dev-fetch', 'tidelog-dev-coordinate'])('names the producers for %s', async (own) => {
    const wake = wakeSeal({ ...environment(), AWS_LAMBDA_FUNCTION_NAME: own }, systemClock)!;
    expect(await wake({ producers: [7] })).toEqual({ kind: 'woken' });
    expect(received).toMatchObject([
      { url: '/2015-03-31/functions/tidelog-dev-seal/invocations', body: '{"tidelog":"seal","producers":[7]}' },
    ]);
  });

  it('is made by rest as by produce', async () => {
    const wake = wakeSeal({ ...environment(), AWS_LAMBDA_FUNCTION_NAME: 'tidelog-dev-rest' }, systemClock)!;
    expect(await wake()).toEqual({ kind: 'woken' });
    expect(received).toMatchObject([{ url: '/2015-03-31/functions/tidelog-dev-seal/invocations' }]);
  });

  it('says what Lambda answers otherwise', async () => {
    status = 404;
    const wake = wakeSeal(environment(), systemClock)!;
    expect(await wake()).toEqual({ kind: 'failed', message: 'tidelog-dev-seal: 404 {"Message":"no such function"}' });
    status = 202;
    expect(await wake()).toEqual({ kind: 'woken' });
  });

  it('fails without an answer', async () => {
    const wake = wakeSeal({ ...environment(), AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, systemClock)!;
    expect(await wake()).toMatchObject({ kind: 'failed', message: expect.stringContaining('tidelog-dev-seal: ') });
  });

  it.each([
    ['outside of Lambda', { AWS_LAMBDA_FUNCTION_NAME: undefined }],
    ['by a function of another name', { AWS_LAMBDA_FUNCTION_NAME: 'tidelog-admin' }],
    ['without a region', { AWS_REGION: undefined }],
  ])('is not made %s', (_, change) => {
    expect(wakeSeal({ ...environment(), ...change }, systemClock)).toBeUndefined();
  });
});
