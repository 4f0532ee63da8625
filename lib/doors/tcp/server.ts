import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { FrameHandler } from '../../broker/frame-handler.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Observer } from '../../core/observer.ts';
import { AnswerMemory } from './answer-memory.ts';
import { Connection, type ConnectionShared } from './connection.ts';
import { ConnectionTable } from './connection-table.ts';
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from './limits.ts';
import { RequestMemory } from './request-memory.ts';

export interface GatewayListener {
  readonly name: string;
  /** '' for every interface. */
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

export interface GatewayOptions {
  readonly listeners: readonly GatewayListener[];
  /** Called once per request, for each connection in the order of arrival. */
  readonly handleFrame: FrameHandler;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: Partial<GatewayLimits>;
  /** Nobody watches when left out. */
  readonly observer?: Observer | undefined;
}

export interface GatewayStats {
  readonly connections: number;
  readonly refusedConnections: number;
  /** Requests that were handed to the handler since the start. */
  readonly requests: number;
  /** Of these, those that have no outcome yet. */
  readonly requestsInFlight: number;
  /** Received and not answered. */
  readonly requestBytes: number;
  /** Answered and not taken by the kernel. */
  readonly answerBytes: number;
}

export interface Gateway {
  /** Where each listener is bound. */
  readonly addresses: ReadonlyMap<string, { readonly host: string; readonly port: number }>;
  readonly stats: GatewayStats;
  /**
   * Accepts and reads nothing more, lets what is in progress finish (waiting fetches end early),
   * sends the answers and closes. What is not done after `timeoutMs` is cut off. Resolves when all
   * is closed.
   */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts all connections off. Resolves when all is closed. */
  close(): Promise<void>;
}

/** A listener could not be opened; `code` is the system's, for example EADDRINUSE. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly listener: GatewayListener;
  readonly code: string;

  constructor(listener: GatewayListener, cause: NodeJS.ErrnoException) {
    super(`listener ${listener.name} cannot be opened: ${cause.message}`, { cause });
    this.listener = listener;
    this.code = cause.code ?? 'UNKNOWN';
  }
}

/**
 * Connections that the kernel keeps until they are accepted; a fleet that reconnects comes all at
 * once.
 */
const ACCEPT_BACKLOG = 1024;

/**
 * The kernel's first keep-alive probe; finds peers that vanished long before the idle time is over.
 */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** How often idle and stalled connections are looked for, at the most seldom. */
const SWEEP_INTERVAL_MS_MAX = 5_000;

/** A time-out is noticed late by at most this share of it. */
const SWEEPS_PER_TIMEOUT = 4;

/** Opens all listeners, or none: rejects with ListenError. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { clock, logger, handleFrame } = options;
  const limits: GatewayLimits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits };
  const requestMemory = new RequestMemory(limits.requestMemoryBytesMax);
  const answerMemory = new AnswerMemory(limits.answerMemoryBytesMax);
  const table = new ConnectionTable(limits, clock, logger);
  let requests = 0;
  let requestsInFlight = 0;
  let deadline = Number.POSITIVE_INFINITY;
  let isOpen = true;
  let onEmpty: (() => void)[] = [];

  const shared: ConnectionShared = {
    handleFrame,
    clock,
    logger,
    limits,
    requestMemory,
    answerMemory,
    deadline: () => deadline,
    observer: options.observer,
    onRequest: () => {
      requests++;
      requestsInFlight++;
    },
    onOutcome: () => {
      requestsInFlight--;
    },
    onClosed: (connection) => {
      table.remove(connection);
      if (table.size > 0) return;
      for (const resolve of onEmpty) resolve();
      onEmpty = [];
    },
  };

  const accept = (socket: Socket, listener: string) => {
    const host = socket.remoteAddress?.replace(/^::ffff:/, '');
    if (!isOpen || host === undefined || !table.hasRoom(host, listener)) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    table.add(new Connection(socket, host, listener, shared));
  };

  const servers: Server[] = [];
  const addresses = new Map<string, { host: string; port: number }>();
  try {
    for (const listener of options.listeners) {
      const server = await listen(listener, (socket) => accept(socket, listener.name));
      servers.push(server);
      // Too many open files, for example: the next accept may work again.
      server.on('error', (error) => {
        logger.log('error', { event: 'accept_failed', listener: listener.name, reason: error.message });
      });
      const { address, port } = server.address() as AddressInfo;
      addresses.set(listener.name, { host: address, port });
    }
  } catch (error) {
    isOpen = false;
    for (const server of servers) server.close();
    for (const connection of table) connection.destroy();
    throw error;
  }

  const sweepIntervalMs = Math.min(
    SWEEP_INTERVAL_MS_MAX,
    limits.idleMsMax / SWEEPS_PER_TIMEOUT,
    limits.stallMsMax / SWEEPS_PER_TIMEOUT,
  );
  const sweep = () => {
    const now = clock.monotonic();
    for (const connection of table) connection.checkLiveness(now);
    cancelSweep = clock.setTimer(sweepIntervalMs, sweep);
  };
  let cancelSweep = clock.setTimer(sweepIntervalMs, sweep);

  const stopAccepting = () => {
    isOpen = false;
    for (const server of servers) if (server.listening) server.close();
  };
  const untilEmpty = () =>
    new Promise<void>((resolve) => {
      if (table.size === 0) resolve();
      else onEmpty.push(resolve);
    });

  const close = async () => {
    stopAccepting();
    cancelSweep();
    const emptied = untilEmpty();
    for (const connection of table) connection.destroy();
    await emptied;
  };

  const drain = async (timeoutMs: number) => {
    stopAccepting();
    deadline = clock.monotonic() + timeoutMs;
    const emptied = untilEmpty();
    for (const connection of table) connection.drain();
    const cancelTimeout = clock.setTimer(timeoutMs, () => {
      if (table.size === 0) return;
      logger.log('warn', { event: 'drain_timeout', connections: table.size, durationMs: timeoutMs });
      for (const connection of table) connection.destroy();
    });
    await emptied;
    cancelTimeout();
    cancelSweep();
  };

  return {
    addresses,
    get stats() {
      return {
        connections: table.size,
        refusedConnections: table.refused,
        requests,
        requestsInFlight,
        requestBytes: requestMemory.bytes,
        answerBytes: answerMemory.bytes,
      };
    },
    drain,
    close,
  };
}

function listen(listener: GatewayListener, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(
    {
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      // A client that ends its side may still wait for the answers to what it sent, or have sent
      // with acks = 0.
      allowHalfOpen: true,
    },
    onSocket,
  );
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(new ListenError(listener, error));
    server.once('error', onError);
    const host = listener.host === '' ? {} : { host: listener.host };
    server.listen({ ...host, port: listener.port, backlog: ACCEPT_BACKLOG }, () => {
      server.off('error', onError);
      resolve(server);
    });
  });
}
