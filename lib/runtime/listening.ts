import type { GatewayLimits } from '../gateway/limits.ts';
import type { ListenError } from '../gateway/server.ts';
import { type Address, formatAddress, isWildcard, type Listener } from './settings/listeners.ts';
import type { Settings } from './settings/settings.ts';

/** Below the 10 s that container runtimes wait between SIGTERM and SIGKILL. */
export const DRAIN_TIMEOUT_MS = 8_000;

/** What clients are told to connect to; `boundPort` stands in for port 0, which means any free one. */
export function advertisedAddress(listener: Listener, boundPort: number | undefined): Address {
  const { host, port } = listener.advertised ?? listener;
  return { host, port: port === 0 ? (boundPort ?? 0) : port };
}

/** The limits of the gateway that the settings name; the others have their defaults. */
export function gatewayLimits(settings: Settings): Partial<GatewayLimits> {
  const { queuedMaxRequestBytes } = settings;
  return {
    frameBytesMax: settings.socketRequestMaxBytes,
    requestMemoryBytesMax: queuedMaxRequestBytes < 0 ? Number.POSITIVE_INFINITY : queuedMaxRequestBytes,
    connectionsMax: settings.maxConnections,
    connectionsPerHostMax: settings.maxConnectionsPerIp,
    idleMsMax: settings.connectionsMaxIdleMs,
  };
}

/** Why a listener could not be opened, and what to do, in a sentence for a user. */
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

/** The same for the port of the metrics. */
export function metricsProblem(address: Address, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'EADDRINUSE' ? 'another process has the port' : message;
  return `The metrics cannot be served on ${formatAddress(address)}: ${reason}. Choose another address with --metrics-port and --metrics-host.`;
}
