import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { type HttpCaller, type HttpServer, startHttpServer } from '../../../../lib/doors/http/server.ts';
import { until } from '../../../support/waiting.ts';

let server: HttpServer;
let handle: (caller: HttpCaller) => Promise<Response>;

beforeEach(async () => {
  server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    handle: (_, caller) => handle(caller),
    clock: systemClock,
    onError: () => {},
    limits: { connectionsMax: 100, idleMsMax: 60_000 },
  });
});

afterEach(() => server.drain(0));

const get = (signal?: AbortSignal) => fetch(`http://127.0.0.1:${server.port}/`, signal === undefined ? {} : { signal });

describe('the signal of a request', () => {
  it('does not stay in memory once the request is answered', async () => {
    const signals: WeakRef<AbortSignal>[] = [];
    handle = async ({ signal }) => {
      signals.push(new WeakRef(signal));
      signal.addEventListener('abort', () => {}, { once: true });
      return new Response('done');
    };
    for (let count = 0; count < 40; count++) await (await get()).text();
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const alive = () => {
      collect();
      return signals.filter((one) => one.deref() !== undefined).length;
    };
    // The newest may still be held by its connection.
    await until(() => alive() <= 5, 'the signals to go');
  });

  it('aborts when the client is gone, and when the server drains', async () => {
    const began: AbortSignal[] = [];
    handle = ({ signal }) => {
      began.push(signal);
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(new Response('stopped'))));
    };
    const client = new AbortController();
    const cut = get(client.signal).catch(() => undefined);
    const waiting = get();
    await until(() => began.length === 2);
    client.abort();
    await cut;
    await until(() => began.filter(({ aborted }) => aborted).length === 1);
    await server.drain(5_000);
    expect(began.every(({ aborted }) => aborted)).toBe(true);
    expect(await (await waiting).text()).toBe('stopped');
  });
});
