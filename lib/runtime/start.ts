import { type Clock, systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { type Random, systemRandom } from '../core/random.ts';
import type { GatewayLimits } from '../gateway/limits.ts';
import { type Gateway, ListenError, startGateway } from '../gateway/server.ts';
import type { Stores } from '../storage/ports.ts';
import { composeBroker } from './compose.ts';
import type { Monitoring } from './metrics/monitoring.ts';
import { openStores } from './open-stores.ts';
import { type Address, formatAddress, isWildcard, type Listener } from './settings/listeners.ts';
import type { Settings } from './settings/settings.ts';
import { StartError } from './start-error.ts';

export { StartError };

export interface StartOptions {
  readonly settings: Settings;
  readonly clock?: Clock;
  readonly random?: Random;
  /** JSON lines on stderr when left out. */
  readonly logger?: Logger;
}

/** A running Tidelog: store, engine and gateway in this process. */
export interface Tidelog {
  /** What clients put into bootstrap.servers: the advertised addresses, separated by commas. */
  readonly bootstrapServers: string;
  readonly clusterId: string;
  readonly gateway: Gateway;
  /** Where /metrics and /healthz are served; undefined where they are not. */
  readonly monitoring: Address | undefined;
  /** Lets requests in progress finish (up to DRAIN_TIMEOUT_MS), then closes gateway, engine and store. Call it once. */
  close(): Promise<void>;
}

/** Below the 10 s that container runtimes wait between SIGTERM and SIGKILL. */
export const DRAIN_TIMEOUT_MS = 8_000;

/**
 * Starts Tidelog in this process. Throws StartError, whose message tells a user what is wrong and what to do; nothing
 * is left running then.
 */
export async function startTidelog(options: StartOptions): Promise<Tidelog> {
  const { settings, clock = systemClock, random = systemRandom } = options;
  const logger = options.logger ?? jsonLogger(clock, settings.logLevel, (line) => process.stderr.write(line));
  let gateway: Gateway | undefined;
  const advertised = (name: string): Address => {
    const listener = settings.listeners.find((candidate) => candidate.name === name);
    if (listener === undefined) throw new Error(`there is no listener ${name}`);
    return advertisedAddress(listener, gateway?.addresses.get(name)?.port);
  };

  const opened = await openStores(settings, clock, random);
  let monitoring: Monitoring | undefined;
  try {
    monitoring = await openMonitoring(settings, opened, clock, logger);
    const stores = monitoring?.stores ?? opened;
    const observer = monitoring?.observer;
    const broker = await composeBroker({
      stores,
      clock,
      random,
      logger,
      settings,
      advertised,
      unsentBytes: () => gateway?.stats.answerBytes ?? 0,
      observer,
    });
    try {
      gateway = await startGateway({
        listeners: settings.listeners,
        handleFrame: broker.handleFrame,
        clock,
        logger,
        limits: gatewayLimits(settings),
        observer,
      });
    } catch (error) {
      await broker.close();
      throw error;
    }
    const started = gateway;
    const bootstrapServers = settings.listeners.map(({ name }) => formatAddress(advertised(name))).join(',');
    monitoring?.opened(
      { gateway: () => started.stats, journals: broker.broker.admin.journals },
      Object.fromEntries([...started.addresses].map(([name, address]) => [name, formatAddress(address)])),
    );
    logger.log('info', {
      event: 'started',
      bootstrapServers,
      store: settings.store,
      clusterId: broker.clusterId,
      ...(monitoring && { monitoring: formatAddress(monitoring) }),
    });
    return {
      bootstrapServers,
      clusterId: broker.clusterId,
      gateway: started,
      monitoring,
      async close() {
        try {
          monitoring?.draining();
          await started.drain(DRAIN_TIMEOUT_MS);
          await broker.close();
        } finally {
          await opened.close();
          await monitoring?.close();
        }
        logger.log('info', { event: 'stopped' });
      },
    };
  } catch (error) {
    await opened.close();
    await monitoring?.close();
    throw error instanceof ListenError ? new StartError(listenProblem(error), { cause: error }) : error;
  }
}

/** Loads what serves the metrics only when it is wanted, so that no other start waits for it. Throws StartError. */
async function openMonitoring(
  { metricsHost: host, metricsPort: port }: Settings,
  stores: Stores,
  clock: Clock,
  logger: Logger,
): Promise<Monitoring | undefined> {
  if (port === undefined) return undefined;
  const { startMonitoring } = await import('./metrics/monitoring.ts');
  try {
    return await startMonitoring({ host, port, stores, clock, logger });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'another process has the port' : message;
    throw new StartError(
      `The metrics cannot be served on ${formatAddress({ host, port })}: ${reason}. Choose another address with --metrics-port and --metrics-host.`,
      { cause: error },
    );
  }
}

/** What clients are told to connect to; `boundPort` stands in for port 0, which means any free one. */
function advertisedAddress(listener: Listener, boundPort: number | undefined): Address {
  const { host, port } = listener.advertised ?? listener;
  return { host, port: port === 0 ? (boundPort ?? 0) : port };
}

function gatewayLimits(settings: Settings): Partial<GatewayLimits> {
  const { queuedMaxRequestBytes } = settings;
  return {
    frameBytesMax: settings.socketRequestMaxBytes,
    requestMemoryBytesMax: queuedMaxRequestBytes < 0 ? Number.POSITIVE_INFINITY : queuedMaxRequestBytes,
    connectionsMax: settings.maxConnections,
    connectionsPerHostMax: settings.maxConnectionsPerIp,
    idleMsMax: settings.connectionsMaxIdleMs,
  };
}

function listenProblem({ listener, code, message }: ListenError): string {
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
