import { type Clock, systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { type Random, systemRandom } from '../core/random.ts';
import { type Gateway, ListenError, startGateway } from '../doors/tcp/server.ts';
import { checkFunctions, type FunctionProblem } from '../doors/tunnel/check-functions.ts';
import type { FlushPace } from '../doors/tunnel/merged-produce.ts';
import { WAITING_PACES } from '../doors/tunnel/pace.ts';
import { TailWatch } from '../doors/tunnel/tail-watch.ts';
import type { Transport } from '../doors/tunnel/transport.ts';
import { tunnelHandler } from '../doors/tunnel/tunnel.ts';
import type { Via } from '../doors/tunnel/via.ts';
import { type Address, formatAddress } from '../settings/listeners.ts';
import type { Settings } from '../settings/settings.ts';
import type { ItemStore } from '../storage/ports.ts';
import { advertisedAddress, DRAIN_TIMEOUT_MS, gatewayLimits, listenProblem, metricsProblem } from './listening.ts';
import type { TunnelMonitoring } from './metrics/tunnel-monitoring.ts';
import type { JournalTable } from './open-journal-table.ts';
import { openTransport } from './open-transport.ts';
import { StartError } from './start-error.ts';

export interface StartTunnelOptions {
  /**
   * Used: the listeners, the limits of connections and memory, the paces of the profile, the table of
   * the journals, metrics and log level.
   */
  readonly settings: Settings;
  readonly via: Via;
  /** The region, if the host name has none. Default: looked up as the AWS SDK does. */
  readonly region?: string | undefined;
  /** Default: made from `via`. */
  readonly transport?: Transport;
  /** The table of the journals, to look at their tails. Default: the table of the settings, if any. */
  readonly journal?: Pick<ItemStore, 'query'>;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default: JSON lines on stderr. */
  readonly logger?: Logger;
}

/** A running tunnel: a gateway in this process, engine and stores behind functions. */
export interface Tunnel {
  /** The bootstrap.servers of clients: the advertised addresses, separated by commas. */
  readonly bootstrapServers: string;
  /** Where requests are sent, for people. */
  readonly target: string;
  /** Functions that the credentials may not call. A request to one closes its connection. */
  readonly notAllowed: readonly string[];
  readonly gateway: Gateway;
  /** Where /metrics and /healthz are served; undefined if they are not. */
  readonly monitoring: Address | undefined;
  /** Lets requests in progress finish (up to DRAIN_TIMEOUT_MS), then closes. Call it once. */
  close(): Promise<void>;
}

/**
 * The pace of Produce requests, by profile. With one call at a time, a client waits for the call of
 * the others before its own; with two it does not (docs/PERFORMANCE.md).
 */
const PACES: Readonly<Record<string, FlushPace>> = {
  latency: { intervalMs: 0, flights: 4 },
  default: { intervalMs: 0, flights: 2 },
  cost: { intervalMs: 1_500, flights: 1 },
};

/**
 * Starts a gateway that sends requests to functions. Throws StartError, whose message says what is
 * wrong (credentials, rights, addresses, the region) and what to do. After an error nothing keeps
 * running.
 */
export async function startTunnel(options: StartTunnelOptions): Promise<Tunnel> {
  const { settings, via, clock = systemClock, random = systemRandom } = options;
  const logger = options.logger ?? jsonLogger(clock, settings.logLevel, (line) => process.stderr.write(line));
  const opened = options.transport ?? (await openTransport(via, options.region, clock));
  let monitoring: TunnelMonitoring | undefined;
  let gateway: Gateway | undefined;
  let notAllowed: readonly string[] = [];
  let journals: Partial<JournalTable> = {};
  const advertised = (name: string): Address => {
    // Frames arrive only at these listeners.
    const listener = settings.listeners.find((candidate) => candidate.name === name)!;
    return advertisedAddress(listener, gateway?.addresses.get(name)?.port);
  };
  try {
    monitoring = await openMonitoring(settings, opened, clock, logger);
    const transport = monitoring?.transport ?? opened;
    const problems = await checkFunctions(transport, clock);
    if (problems.some(isFatal)) throw new StartError(problems.map(({ message }) => message).join('\n'));
    journals = await openJournals(options, clock, random);
    notAllowed = problems.map(({ name }) => name);
    for (const { name, message } of problems) {
      logger.log('warn', { event: 'function_not_allowed', function: name, message });
    }
    const handleFrame = tunnelHandler({
      transport,
      clock,
      random,
      logger,
      advertised,
      pace: paceOf(settings),
      transactionVersion: settings.transactionVersion,
      waiting: WAITING_PACES[settings.profile]!,
      tails: journals.journal && new TailWatch(journals.journal, logger),
    });
    gateway = await startGateway({
      listeners: settings.listeners,
      handleFrame,
      clock,
      logger,
      limits: gatewayLimits(settings, logger),
      observer: monitoring?.observer,
    });
  } catch (error) {
    opened.close();
    journals.close?.();
    await monitoring?.close();
    throw error instanceof ListenError ? new StartError(listenProblem(error), { cause: error }) : error;
  }
  const started = gateway;
  const bootstrapServers = settings.listeners.map(({ name }) => formatAddress(advertised(name))).join(',');
  const listeners = [...started.addresses].map(([name, address]) => [name, formatAddress(address)]);
  monitoring?.opened(() => started.stats, Object.fromEntries(listeners));
  logger.log('info', {
    event: 'started',
    bootstrapServers,
    via: opened.target,
    ...(monitoring && { monitoring: formatAddress(monitoring) }),
  });
  return {
    bootstrapServers,
    target: opened.target,
    notAllowed,
    gateway: started,
    monitoring,
    async close() {
      monitoring?.draining();
      await started.drain(DRAIN_TIMEOUT_MS);
      opened.close();
      journals.close?.();
      await monitoring?.close();
      logger.log('info', { event: 'stopped' });
    },
  };
}

/**
 * A role that only produces or only consumes may not call all functions. Every client calls `admin`
 * first.
 */
function isFatal({ name, isForbidden }: FunctionProblem): boolean {
  return !isForbidden || name === 'admin';
}

function paceOf({ profile, lingerMs }: Settings): FlushPace {
  const pace = PACES[profile]!;
  return lingerMs === undefined ? pace : { ...pace, intervalMs: lingerMs };
}

/**
 * The table of the journals, if the settings name it. The client of DynamoDB is loaded
 * only then. Throws StartError if the table cannot be read.
 */
async function openJournals(
  { settings: { journalTable }, region, journal }: StartTunnelOptions,
  clock: Clock,
  random: Random,
): Promise<Partial<JournalTable>> {
  if (journal !== undefined || journalTable === undefined) return { ...(journal && { journal }) };
  const { openJournalTable } = await import('./open-journal-table.ts');
  return openJournalTable(journalTable, region, clock, random);
}

/** Loads the metrics only if they are served. Throws StartError. */
async function openMonitoring(
  { metricsHost: host, metricsPort: port }: Settings,
  transport: Transport,
  clock: Clock,
  logger: Logger,
): Promise<TunnelMonitoring | undefined> {
  if (port === undefined) return undefined;
  const { startTunnelMonitoring } = await import('./metrics/tunnel-monitoring.ts');
  try {
    return await startTunnelMonitoring({ host, port, transport, clock, logger });
  } catch (error) {
    throw new StartError(metricsProblem({ host, port }, error), { cause: error });
  }
}
