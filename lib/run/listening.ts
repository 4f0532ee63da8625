import { readFileSync } from 'node:fs';
import type { Logger } from '../core/logger.ts';
import type { GatewayLimits } from '../doors/tcp/limits.ts';
import type { ListenError } from '../doors/tcp/server.ts';
import { type Address, formatAddress, isWildcard, type Listener } from '../settings/listeners.ts';
import type { Settings } from '../settings/settings.ts';

/** Below the 10 s that container runtimes wait between SIGTERM and SIGKILL. */
export const DRAIN_TIMEOUT_MS = 8_000;

/** The address that clients connect to; `boundPort` replaces port 0 (any free port). */
export function advertisedAddress(listener: Listener, boundPort: number | undefined): Address {
  const { host, port } = listener.advertised ?? listener;
  return { host, port: port === 0 ? (boundPort ?? 0) : port };
}

/**
 * File descriptors that are reserved: the store's files (128 objects and 32 folders are kept open,
 * others briefly) or some hundred sockets to AWS, the listeners, and Node's own.
 */
const RESERVED_DESCRIPTORS = 256;

/** If the limit is so low that the reserve would take all of it, connections get this share. */
const CONNECTIONS_SHARE_MIN = 0.25;

/** How many connections a process may have, given its limit of file descriptors. */
export function connectionsWithin(descriptors: number): number {
  return Math.max(descriptors - RESERVED_DESCRIPTORS, Math.floor(descriptors * CONNECTIONS_SHARE_MIN));
}

/** How many file descriptors this process may open; Infinity if the system reports no limit. */
function descriptorsMax(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * The limits of the gateway from the settings; others have their defaults. Logs if the system
 * allows less.
 */
export function gatewayLimits(settings: Settings, logger: Logger): Partial<GatewayLimits> {
  const { queuedMaxRequestBytes } = settings;
  const descriptors = descriptorsMax();
  const connectionsMax = Math.min(settings.maxConnections, connectionsWithin(descriptors));
  if (connectionsMax < settings.maxConnections) {
    logger.log('warn', {
      event: 'connections_limited',
      connectionsMax,
      message: `the system lets this process open ${descriptors} files, which leaves room for ${connectionsMax} connections, not for ${settings.maxConnections} (max.connections); raise the limit (ulimit -n)`,
    });
  }
  return {
    frameBytesMax: settings.socketRequestMaxBytes,
    requestMemoryBytesMax: queuedMaxRequestBytes < 0 ? Number.POSITIVE_INFINITY : queuedMaxRequestBytes,
    connectionsMax,
    connectionsPerHostMax: settings.maxConnectionsPerIp,
    idleMsMax: settings.connectionsMaxIdleMs,
  };
}

/** Why a listener could not be opened, and what to do, in one sentence. */
export function listenProblem({ listener, code, message }: ListenError): string {
  const { name, port } = listener;
  const address = formatAddress({ host: isWildcard(listener.host) ? '*' : listener.host, port });
  switch (code) {
    case 'EADDRINUSE':
      return `Listener ${name} cannot use ${address}: another process has the port. Stop it, or choose another port with --listeners ${name}://127.0.0.1:PORT.`;
    case 'EACCES':
      return `Listener ${name} may not use ${address}: ports below 1024 need rights that this user does not have. Choose a higher one with --listeners.`;
    case 'EADDRNOTAVAIL':
      return `Listener ${name} cannot use ${address}: this machine does not have that address. Listen on 127.0.0.1, or on one that it has.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `Listener ${name} cannot use ${address}: the host name is not known. Check it in --listeners.`;
    default:
      return `Listener ${name} cannot use ${address} (${code}: ${message}). Check --listeners.`;
  }
}

/** As `listenProblem`, for the metrics port. */
export function metricsProblem(address: Address, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'EADDRINUSE' ? 'another process has the port' : message;
  return `The metrics cannot be served on ${formatAddress(address)}: ${reason}. Choose another address with --metrics-port and --metrics-host.`;
}
