import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { type HttpServer, startHttpServer } from '../../lib/doors/http/server.ts';
import { allRoutes } from '../../lib/rest/routes.ts';
import { composeRest } from '../../lib/run/compose-rest.ts';
import type { Stores } from '../../lib/storage/ports.ts';
import { CLUSTER_ID, type Engine, type EngineOptions, emptyStores, startEngine } from './engine.ts';
import { settingsOf } from './settings.ts';

/** The REST interface of an engine of its own, behind a real port. */
export interface RestServer {
  readonly engine: Engine;
  readonly stores: Stores;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** The address of the cluster in v3. */
  readonly cluster: string;
  /** Sends a request; a body that is no text is sent as JSON. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<RestAnswer>;
  close(): Promise<void>;
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; undefined if it is empty or no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the form of the answer that it asks for
  readonly json: any;
}

/** The cluster's path for `send`. */
export const V3 = `/v3/clusters/${CLUSTER_ID}`;

export async function startRestServer(
  options: EngineOptions & { readonly limits?: { readonly requestBytesMax?: number } } = {},
): Promise<RestServer> {
  const stores = options.stores ?? emptyStores();
  const engine = await startEngine({ ...options, stores });
  const settings = settingsOf({ 'tidelog.store': 'memory', ...options.settings });
  const handle = composeRest({ stores, random: systemRandom, settings }, engine.broker, allRoutes, options.limits);
  const failures: unknown[] = [];
  const server: HttpServer = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    handle,
    clock: systemClock,
    onError: (error) => failures.push(error),
    limits: { connectionsMax: 1_000, idleMsMax: 60_000 },
  });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    engine,
    stores,
    url,
    cluster: url + V3,
    async send(method, path, body, headers = {}) {
      const isText = typeof body === 'string' || body === undefined;
      const type = path.startsWith('/v3') ? 'application/json' : 'application/vnd.kafka.v2+json';
      const response = await fetch(url + path, {
        method,
        headers: { ...(body === undefined ? {} : { 'Content-Type': type }), ...headers },
        ...(body === undefined ? {} : { body: isText ? (body as string) : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: jsonOf(text) };
    },
    async close() {
      await server.drain(0);
      await engine.close();
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
