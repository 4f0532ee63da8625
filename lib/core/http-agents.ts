import { type ClientRequestArgs, Agent as PlainAgent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { systemClock } from './clock.ts';

export interface AgentLimits {
  /**
   * Connections to one host at the same time. Further requests wait in the agent for a free one.
   */
  readonly sockets: number;
  /**
   * How long TCP and TLS may take to connect; ms. The wait for a free connection does not count.
   */
  readonly connectMs: number;
  /** How long an idle connection is kept; ms. */
  readonly idleMs: number;
}

/** Agents for `http:` and `https:`, named as in the AWS SDK's `requestHandler` options. */
export interface Agents {
  readonly httpAgent: PlainAgent;
  readonly httpsAgent: TlsAgent;
}

/**
 * Agents that keep connections open, within explicit limits. An error before the end of the TLS
 * handshake has the `syscall` `connect` or `getaddrinfo`: no byte of a request was sent then.
 */
export function httpAgents(limits: AgentLimits): Agents {
  const options = {
    keepAlive: true,
    maxSockets: limits.sockets,
    maxFreeSockets: limits.sockets,
    timeout: limits.idleMs,
    scheduling: 'lifo',
  } as const;
  return {
    httpAgent: new BoundedPlainAgent(options, limits.connectMs),
    httpsAgent: new BoundedTlsAgent(options, limits.connectMs),
  };
}

type OnCreated = (error: Error | null, socket: Duplex) => void;

class BoundedPlainAgent extends PlainAgent {
  readonly #connectMs: number;

  constructor(options: ConstructorParameters<typeof PlainAgent>[0], connectMs: number) {
    super(options);
    this.#connectMs = connectMs;
  }

  override createConnection(options: ClientRequestArgs, callback?: OnCreated): Duplex | null | undefined {
    return boundConnect(super.createConnection(options, callback), 'connect', this.#connectMs);
  }
}

class BoundedTlsAgent extends TlsAgent {
  readonly #connectMs: number;

  constructor(options: ConstructorParameters<typeof TlsAgent>[0], connectMs: number) {
    super(options);
    this.#connectMs = connectMs;
  }

  override createConnection(options: ClientRequestArgs, callback?: OnCreated): Duplex | null | undefined {
    return boundConnect(super.createConnection(options, callback), 'secureConnect', this.#connectMs);
  }
}

function boundConnect<S extends Duplex | null | undefined>(socket: S, connected: string, connectMs: number): S {
  if (!socket) return socket;
  const fail = (error: NodeJS.ErrnoException) => {
    if (error.syscall !== 'getaddrinfo') error.syscall = 'connect';
  };
  const cancel = systemClock.setTimer(connectMs, () => {
    socket.destroy(Object.assign(new Error(`no connection within ${connectMs} ms`), { code: 'ETIMEDOUT' }));
  });
  // Runs before the request's own listener, which passes the error to the caller.
  socket.prependListener('error', fail);
  socket.once('close', cancel);
  socket.once(connected, () => {
    cancel();
    socket.removeListener('error', fail);
  });
  return socket;
}
