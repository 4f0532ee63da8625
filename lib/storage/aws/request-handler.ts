import { type Agents, httpAgents } from '../../core/http-agents.ts';

/** Time-out of connecting; ms. A connection within a region takes a few ms, TLS included. */
const CONNECT_TIMEOUT_MS = 1_000;

/**
 * How long a connection without a request is kept; ms. Longer than the pauses between heartbeats
 * and upkeep of a quiet process.
 */
const IDLE_CONNECTION_MS = 20_000;

/** What the clients of the AWS SDK take as `requestHandler`; nothing is left to their defaults. */
export interface RequestHandlerOptions extends Agents {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly socketTimeout: number;
}

/**
 * The request handler of a store's client, with at most `sockets` connections. The SDK's own
 * time-outs are off: its connection time-out also runs while a request waits for a free connection,
 * and `Requests` limits the time to the answer.
 */
export function requestHandler(sockets: number): RequestHandlerOptions {
  const agents = httpAgents({ sockets, connectMs: CONNECT_TIMEOUT_MS, idleMs: IDLE_CONNECTION_MS });
  return { ...agents, connectionTimeout: 0, requestTimeout: 0, socketTimeout: 0 };
}
