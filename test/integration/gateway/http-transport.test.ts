import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createPlain, type RequestListener } from 'node:http';
import { createServer as createTls } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../../lib/core/clock.ts';
import { VERSION } from '../../../lib/core/version.ts';
import { ENVELOPE_CONTENT_TYPE } from '../../../lib/doors/tunnel/envelope.ts';
import { httpTransport } from '../../../lib/doors/tunnel/http-transport.ts';
import type { Signer } from '../../../lib/doors/tunnel/signing.ts';
import { ANSWER_TIMEOUT_MS, type Transport } from '../../../lib/doors/tunnel/transport.ts';
import { readVia } from '../../../lib/doors/tunnel/via.ts';
import { have } from '../../support/tools.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { until } from '../../support/waiting.ts';

const HAVE_OPENSSL = have('openssl', spawnSync('openssl', ['version']).error === undefined, 'It makes a certificate.');

const PLAIN_SIGNER: Signer = { sign: async ({ headers }) => ({ ...headers }), refused: async () => false };
const BODY = Buffer.from('request');

let closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing) close();
  closing = [];
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function transportTo(base: string, signer = PLAIN_SIGNER, clock: Clock = systemClock): Transport {
  const read = readVia(base, false);
  if (read.kind !== 'via' || read.via.kind !== 'http') throw new Error(base);
  const signers = { produce: signer, fetch: signer, coordinate: signer, admin: signer };
  const transport = httpTransport({ urls: read.via.urls, signers, permission: 'x:Y', clock });
  closing.push(() => transport.close());
  return transport;
}

const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat([Buffer.from(`${request.method} ${request.url} `), ...chunks]);
    response.writeHead(200, { 'content-type': ENVELOPE_CONTENT_TYPE }).end(body);
  });
};

/** A server that does this with what a connection sends first. */
function tcpServer(onRequest: (socket: Socket) => void): Promise<number> {
  const server = createTcp((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => onRequest(socket));
  });
  return listening(server);
}

describe('calls over HTTP', () => {
  it('go by one connection that is kept open', async () => {
    const server = createPlain(echo);
    let connections = 0;
    server.on('connection', () => connections++);
    const transport = transportTo(`http://127.0.0.1:${await listening(server)}/base`);
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    // More than the listeners that Node lets a socket have before it suspects a leak.
    for (let call = 0; call < 15; call++) {
      const outcome = await transport.call('fetch', BODY);
      expect(outcome).toEqual({ kind: 'answered', body: Buffer.from('POST /base/kafka/fetch request') });
    }
    expect(connections).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('say whose they are', async () => {
    let agent: string | undefined;
    const server = createPlain((request, response) => {
      agent = request.headers['user-agent'];
      echo(request, response);
    });
    await transportTo(`http://127.0.0.1:${await listening(server)}`).call('fetch', BODY);
    expect(agent).toBe(`tidelog/${VERSION}`);
  });

  it.each([
    ['is closed without an answer', (socket: Socket) => socket.end()],
    ['is reset', (socket: Socket) => socket.resetAndDestroy()],
    [
      'is closed half way through the answer',
      (socket: Socket) =>
        socket.end(`HTTP/1.1 200 OK\r\ncontent-type: ${ENVELOPE_CONTENT_TYPE}\r\ncontent-length: 10\r\n\r\nhalf`),
    ],
    ['brings something that is no HTTP', (socket: Socket) => socket.end('SSH-2.0-x\r\n')],
  ])('are of unknown outcome when the connection %s', async (_how, onRequest) => {
    const transport = transportTo(`http://127.0.0.1:${await tcpServer(onRequest)}`);
    expect((await transport.call('produce', BODY)).kind).toBe('unknown');
  });

  it('are of unknown outcome when no answer comes in time', async () => {
    const clock = new VirtualClock();
    let arrived = false;
    const port = await tcpServer(() => {
      arrived = true;
    });
    const outcome = transportTo(`http://127.0.0.1:${port}`, PLAIN_SIGNER, clock).call('produce', BODY);
    await until(() => arrived, 'the request');
    await clock.advance(ANSWER_TIMEOUT_MS);
    expect(await outcome).toEqual({ kind: 'unknown', message: `no answer within ${ANSWER_TIMEOUT_MS} ms` });
  });

  it('are surely not carried out where nobody listens, or nobody signs', async () => {
    expect(await transportTo('http://127.0.0.1:1').call('produce', BODY)).toMatchObject({ reason: 'unreachable' });
    const signer: Signer = {
      ...PLAIN_SIGNER,
      sign: () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' })),
    };
    const outcome = await transportTo('http://127.0.0.1:1', signer).call('produce', BODY);
    expect(outcome).toMatchObject({ reason: 'credentials' });
  });

  it('are signed once more after a refusal if that can help, and never a third time', async () => {
    let calls = 0;
    const server = createPlain((_request, response) => {
      calls++;
      response.writeHead(403, { date: 'Thu, 01 Jan 2026 00:00:00 GMT' }).end();
    });
    const port = await listening(server);
    const times: number[] = [];
    const told = (helps: boolean): Signer => ({
      ...PLAIN_SIGNER,
      refused: async (serverTime) => {
        times.push(serverTime);
        return helps;
      },
    });
    expect(await transportTo(`http://127.0.0.1:${port}`, told(true)).call('fetch', BODY)).toMatchObject({
      reason: 'forbidden',
    });
    expect(calls).toBe(2);
    await transportTo(`http://127.0.0.1:${port}`, told(false)).call('fetch', BODY);
    expect(calls).toBe(3);
    expect(times).toEqual([Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1)]);
  });

  it('do not read an answer without end', async () => {
    const server = createPlain((_request, response) => {
      response.writeHead(200, { 'content-type': ENVELOPE_CONTENT_TYPE });
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1_000_000)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    const outcome = await transportTo(`http://127.0.0.1:${await listening(server)}`).call('fetch', BODY);
    expect(outcome).toMatchObject({ kind: 'unknown', message: expect.stringContaining('an answer of more than') });
  });
});

describe.skipIf(!HAVE_OPENSSL)('calls over TLS', () => {
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  afterAll(() => {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  });

  it('are not made to a stranger, and are made to whom is trusted', async () => {
    const args = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      '-',
      '-subj',
      '/CN=localhost',
      '-days',
      '1',
    ];
    const pem = spawnSync('openssl', args, { encoding: 'utf8' }).stdout;
    let requests = 0;
    const server = createTls({ key: pem, cert: pem }, (request, response) => {
      requests++;
      echo(request, response);
    });
    const base = `https://localhost:${await listening(server)}`;
    expect(await transportTo(base).call('fetch', BODY)).toMatchObject({
      reason: 'unreachable',
      message: expect.stringMatching(/self.signed/i),
    });
    expect(requests).toBe(0);
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    expect(await transportTo(base).call('fetch', BODY)).toMatchObject({ kind: 'answered' });
  });
});
