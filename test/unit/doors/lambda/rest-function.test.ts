import { once } from 'node:events';
import { PassThrough, type Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../../../lib/auth/principal.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import type { HttpCaller } from '../../../../lib/doors/http/server.ts';
import { readRestEvent } from '../../../../lib/doors/lambda/rest-event.ts';
import {
  type HttpHandler,
  restFunction,
  type StreamingHandler,
  streamingRestFunction,
} from '../../../../lib/doors/lambda/rest-function.ts';
import { StoreUnavailableError } from '../../../../lib/storage/ports.ts';
import { HOST, payload1, payload2, ROLE, receivedOf } from '../../../support/rest-events.ts';

const GET = { method: 'GET', path: '/topics' };
const CONTEXT = { awsRequestId: 'r', getRemainingTimeInMillis: () => 29_000 };

/** A function over a handler; what it logged. */
function functionOver(handle: HttpHandler, { anonymous = false, engine = async () => handle } = {}) {
  const lines: object[] = [];
  const logger = { log: (_level: string, fields: object) => void lines.push(fields) };
  const handler = restFunction({
    name: 'rest',
    anonymous,
    clock: systemClock,
    logger,
    engine,
    settle: async () => true,
  });
  return { ask: async (event: object) => receivedOf(await handler(event, CONTEXT)), lines };
}

const principalIn = (event: object, anonymous = false) => {
  const { call } = readRestEvent(event, anonymous);
  return call.kind === 'refused' ? call.status : call.principal;
};

describe('the principal of a request', () => {
  it('is the IAM identity that signed it, without the session of a role', () => {
    expect(principalIn(payload2(GET))).toBe(ROLE);
    expect(principalIn(payload1(GET))).toBe(ROLE);
  });

  it('is the subject of a token that API Gateway has checked', () => {
    expect(
      principalIn(payload2(GET, { jwt: { claims: { sub: 'auth0|5f7c', iss: 'https://x/' }, scopes: null } })),
    ).toBe('User:auth0|5f7c');
  });

  it.each([
    ['no subject', {}],
    ['a subject that is no text', { sub: 7 }],
    ['an empty subject', { sub: '' }],
    ['a subject longer than a principal', { sub: 'x'.repeat(2_000) }],
    ['the name of an IAM identity', { sub: 'arn:aws:iam::123456789012:user/ada' }],
    ['the name of callers without identity', { sub: 'ANONYMOUS' }],
    ['the name of background work', { sub: 'upkeep' }],
    ['the name of direct invokes', { sub: 'lambda' }],
  ])('is none for a token with %s', (_, claims) => {
    expect(principalIn(payload2(GET, { jwt: { claims } }))).toBe(403);
  });

  it('is none where nothing was checked, unless that is allowed', () => {
    expect(principalIn(payload2(GET, {}))).toBe(403);
    expect(principalIn(payload2(GET, { lambda: { sub: 'me' } }))).toBe(403);
    expect(principalIn(payload2(GET, {}), true)).toBe(ANONYMOUS);
  });
});

describe('the handler gets', () => {
  it('the request as the client sent it, and who it is', async () => {
    const seen: { request: Request; text: string; caller: HttpCaller }[] = [];
    const { ask } = functionOver(async (request, caller) => {
      seen.push({ request, text: await request.text(), caller });
      return new Response('ok', { status: 201, headers: { 'Content-Type': 'text/plain', ETag: 'W/"a"' } });
    });
    const sent = { method: 'POST', path: '/v3/a', query: { a: 'b c' }, headers: { 'X-One': '1' }, body: 'ä' };
    for (const payload of [payload2, payload1]) {
      expect(await ask(payload(sent))).toMatchObject({
        status: 201,
        headers: { etag: 'W/"a"' },
        bytes: Buffer.from('ok'),
      });
    }
    for (const { request, text, caller } of seen) {
      expect(new URL(request.url).pathname).toBe('/v3/a');
      expect(new URL(request.url).searchParams.get('a')).toBe('b c');
      expect([request.method, request.headers.get('x-one'), text]).toEqual(['POST', '1', 'ä']);
      expect(request.headers.get('content-length')).toBe('2');
      expect([caller.principal, caller.host, caller.signal.aborted]).toEqual([ROLE, '192.0.2.1', false]);
      expect(caller.deadline - systemClock.monotonic()).toBeLessThan(20_000);
    }
    expect(seen.map(({ caller }) => caller.baseUrl)).toEqual([`https://${HOST}`, `https://${HOST}/kafka`]);
  });
});

describe('the answer', () => {
  it('to a handler that fails is 500, and 503 if the store does not answer', async () => {
    const broken = functionOver(async () => {
      throw new Error('a bug');
    });
    expect(await broken.ask(payload2(GET))).toMatchObject({ status: 500, json: { error_code: 500 } });
    expect(broken.lines).toContainEqual(expect.objectContaining({ event: 'call_failed' }));
    const silent = functionOver(async () => new Response('x'), {
      engine: async () => Promise.reject(new StoreUnavailableError('no answer')),
    });
    expect(await silent.ask(payload2(GET))).toMatchObject({ status: 503, json: { error_code: 503 } });
  });

  it('of 4.4 MB is sent whatever is in it; of more it says so', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const quotes = functionOver(async () => new Response('"'.repeat(4_400_000), { headers }));
    const { status, bytes } = await quotes.ask(payload2(GET));
    expect([status, bytes.length]).toEqual([200, 4_400_000]);
    const more = functionOver(async () => new Response('"'.repeat(4_400_003), { headers }));
    expect(await more.ask(payload2(GET))).toMatchObject({ status: 500, json: { error_code: 500 } });
  });

  it('of 204 has no body', async () => {
    const empty = functionOver(async () => new Response(null, { status: 204 }));
    expect(await empty.ask(payload1(GET))).toMatchObject({ status: 204, bytes: Buffer.alloc(0) });
  });
});

describe('an answer as a stream', () => {
  /** As Lambda does it: the status with the first write, the body behind eight zeros. */
  function streamingOver(handle: HttpHandler) {
    const lines: object[] = [];
    const settled: string[] = [];
    const options = {
      name: 'rest',
      anonymous: false,
      clock: systemClock,
      logger: { log: (_level: string, fields: object) => void lines.push(fields) },
      engine: async () => handle,
      settle: async () => settled.push('settled') > 0,
    };
    const handler = streamingRestFunction(options, {
      streamifyResponse: (streaming) => streaming,
      HttpResponseStream: {
        from(stream, head) {
          const { write } = stream;
          stream.write = ((...args: Parameters<Writable['write']>) => {
            stream.write = write;
            write.call(stream, `${JSON.stringify(head)}${'\0'.repeat(8)}`, 'utf8');
            return write.apply(stream, args);
          }) as Writable['write'];
          return stream;
        },
      },
    }) as StreamingHandler;
    const ask = (event: object) => {
      const stream = new PassThrough();
      const ended = handler(event, stream, CONTEXT);
      return { stream, ended };
    };
    return { ask, lines, settled };
  }

  async function whole(stream: PassThrough) {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    const [head, body] = Buffer.concat(chunks).toString().split('\0'.repeat(8));
    return { head: JSON.parse(head!), body };
  }

  it('is sent as it comes, and the call ends behind it', async () => {
    let sendMore = () => {};
    const more = new Promise<void>((resolve) => {
      sendMore = resolve;
    });
    const { ask, settled } = streamingOver(async () => {
      const body = new ReadableStream({
        async start(controller) {
          controller.enqueue(Buffer.from('first '));
          await more;
          controller.enqueue(Buffer.from('second'));
          controller.close();
        },
      });
      return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
    });
    const { stream, ended } = ask(payload1(GET));
    while (!String(stream.read() ?? '').includes('first')) await once(stream, 'readable');
    expect(settled).toEqual([]);
    sendMore();
    await ended;
    expect(settled).toEqual(['settled']);
    expect(String(stream.read())).toBe('second');
  });

  it('has status and headers, also without a body, and if it is a refusal', async () => {
    const { ask } = streamingOver(async () => new Response(null, { status: 204, headers: { ETag: 'a' } }));
    expect(await whole(ask(payload1(GET)).stream)).toEqual({
      head: { statusCode: 204, headers: { etag: 'a' } },
      body: '',
    });
    const refused = await whole(ask(payload2(GET, {})).stream);
    expect(refused).toMatchObject({ head: { statusCode: 403 }, body: expect.stringContaining('"error_code":403') });
  });

  it('that breaks off is cut, and logged', async () => {
    const { ask, lines } = streamingOver(async () => {
      const body = new ReadableStream({
        pull(controller) {
          controller.error(new Error('gone'));
        },
      });
      return new Response(body);
    });
    const { stream, ended } = ask(payload1(GET));
    stream.on('error', () => {});
    await ended;
    expect(stream.destroyed).toBe(true);
    expect(lines).toContainEqual(expect.objectContaining({ event: 'answer_cut' }));
  });
});
