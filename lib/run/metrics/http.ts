import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The answer of one path. */
export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface PagesOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** By path, for GET and HEAD. */
  readonly pages: ReadonlyMap<string, () => Promise<Page>>;
  /** Called when a page failed. */
  readonly onError: (path: string, error: unknown) => void;
}

export interface Pages {
  readonly host: string;
  readonly port: number;
  /** Closes all connections at once. */
  close(): Promise<void>;
}

/**
 * Concurrent connections. Only a few programs scrape or check; others must not use up the clients'
 * file descriptors.
 */
const CONNECTIONS_MAX = 64;

/** How long a request may take to arrive, ms; requests here have no body. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Serves a few pages over HTTP. Rejects with the system's error if the port cannot be opened. */
export async function servePages({ host, port, pages, onError }: PagesOptions): Promise<Pages> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const page = pages.get(path);
    if (page === undefined) return send(response, plain(404, `There is ${[...pages.keys()].join(' and ')}.\n`));
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return send(response, plain(405, 'Only GET and HEAD.\n'));
    }
    page().then(
      (answer) => send(response, answer),
      (error: unknown) => {
        onError(path, error);
        send(response, plain(500, 'This page failed; the log says why.\n'));
      },
    );
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, host, port);
  server.on('error', (error) => onError('', error));
  const bound = server.address() as AddressInfo;
  return {
    host: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
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

function plain(status: number, body: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', body };
}

/** For HEAD, Node drops the body. */
function send(response: ServerResponse, { status, contentType, body }: Page): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
