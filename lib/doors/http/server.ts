import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { principalOfConnection } from '../../auth/principal.ts';
import type { Clock } from '../../core/clock.ts';
import type { Principal } from '../../core/context.ts';

/** Where a request comes from, and until when its answer is of use. */
export interface HttpCaller {
  readonly principal: Principal;
  /** The address, without the port. */
  readonly host: string;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  /** Aborts when the client is gone or the server drains. */
  readonly signal: AbortSignal;
  /** The address of the server as the client knows it. Default: that of the request's URL. */
  readonly baseUrl?: string;
  /** Whether an answer goes out as a whole, when it has ended, as from most functions. */
  readonly answersWhole?: boolean;
  /** The body of a GET, which a Request cannot have; undefined without one. */
  readonly body?: AsyncIterable<Uint8Array> | undefined;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly handle: (request: Request, caller: HttpCaller) => Promise<Response>;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  readonly limits: HttpLimits;
}

export interface HttpLimits {
  readonly connectionsMax: number;
  /** A connection without traffic for so long is closed; ms. */
  readonly idleMsMax: number;
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  /**
   * Takes no more requests, lets those in progress finish for `timeoutMs`, then closes their
   * connections. Requests that wait are answered at once.
   */
  drain(timeoutMs: number): Promise<void>;
}

/** How long the head of a request may take to arrive; ms. */
const HEADERS_TIMEOUT_MS = 10_000;

/** The longest head of a request, as Confluent's server takes it; bytes. */
const HEADER_BYTES_MAX = 16 * 1024;

/** Serves requests of HTTP. Rejects with the system's error if the port cannot be opened. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, handle, clock, onError, limits } = options;
  // Each request has a controller of its own: a signal that AbortSignal.any makes of one that lives on
  // stays in memory with its listeners, a kilobyte for each request (Node 20).
  const inProgress = new Set<AbortController>();
  let isDraining = false;
  const signalOf = (outgoing: ServerResponse<IncomingMessage>): AbortSignal => {
    const ending = new AbortController();
    inProgress.add(ending);
    if (isDraining) ending.abort();
    outgoing.once('close', () => {
      inProgress.delete(ending);
      if (!outgoing.writableFinished) ending.abort();
    });
    return ending.signal;
  };
  let deadline = Number.POSITIVE_INFINITY;
  const server = createAdaptorServer({
    overrideGlobalObjects: false,
    async fetch(request, { incoming, outgoing }) {
      return handle(request, {
        principal: principalOfConnection(),
        host: incoming.socket.remoteAddress ?? '',
        body:
          request.method === 'GET' && hasBody(incoming as IncomingMessage) ? (incoming as IncomingMessage) : undefined,
        signal: signalOf(outgoing as ServerResponse),
        // Read when asked: a drain sets one for requests that have long begun.
        get deadline() {
          return deadline;
        },
      });
    },
    serverOptions: {
      // A stream of records may be sent for as long as it has records: idle connections are closed
      // instead.
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
  }) as Server;
  server.maxConnections = limits.connectionsMax;
  server.timeout = limits.idleMsMax;
  await listening(server, host, port);
  server.on('error', onError);
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    async drain(timeoutMs) {
      deadline = clock.monotonic() + timeoutMs;
      isDraining = true;
      for (const ending of inProgress) ending.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      const stop = clock.setTimer(timeoutMs, () => server.closeAllConnections());
      await closed;
      stop();
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
