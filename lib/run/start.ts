import { type Clock, systemClock } from '../core/clock.ts';
import { jsonLogger, type Logger } from '../core/logger.ts';
import { type Random, systemRandom } from '../core/random.ts';
import type { HttpServer } from '../doors/http/server.ts';
import { type Gateway, ListenError, startGateway } from '../doors/tcp/server.ts';
import { type Address, formatAddress } from '../settings/listeners.ts';
import type { Settings } from '../settings/settings.ts';
import type { Stores } from '../storage/ports.ts';
import { SUSTAINED_OVER_NETWORK_MS, WriteWatch } from '../storage/write-watch.ts';
import { type ComposedBroker, composeBroker } from './compose-broker.ts';
import type { ComposeOptions } from './compose-options.ts';
import { advertisedAddress, DRAIN_TIMEOUT_MS, gatewayLimits, listenProblem, metricsProblem } from './listening.ts';
import type { Monitoring } from './metrics/monitoring.ts';
import { openStores, writeAdvice } from './open-stores.ts';
import { scheduleSegments } from './segment-schedule.ts';
import { StartError } from './start-error.ts';
import { scheduleUpkeep } from './upkeep-schedule.ts';

export { StartError };

export interface StartOptions {
  readonly settings: Settings;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default: JSON lines on stderr. */
  readonly logger?: Logger;
  /**
   * Where REST is served if the settings do not say. If the port is taken, REST is not served, and a
   * warning says so.
   */
  readonly restFallback?: Address | undefined;
}

/** A running Tidelog: store, engine and gateway in this process. */
export interface Tidelog {
  /** The bootstrap.servers of clients: the advertised addresses, separated by commas. */
  readonly bootstrapServers: string;
  readonly clusterId: string;
  readonly gateway: Gateway;
  /** Where /metrics and /healthz are served; undefined if they are not. */
  readonly monitoring: Address | undefined;
  /** Where REST is served; undefined if it is not. */
  readonly rest: Address | undefined;
  /**
   * Lets requests in progress finish (up to DRAIN_TIMEOUT_MS), then closes gateway, engine and
   * store. Call it once.
   */
  close(): Promise<void>;
}

/**
 * Starts Tidelog in this process. Throws StartError, whose message says what is wrong and what to
 * do. After an error nothing keeps running.
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

  const sustainedMs = settings.store === 'aws' ? SUSTAINED_OVER_NETWORK_MS : 0;
  const writes = new WriteWatch(clock, logger, writeAdvice(settings), sustainedMs);
  const opened = writes.watch(await openStores(settings, clock, random));
  let monitoring: Monitoring | undefined;
  try {
    monitoring = await openMonitoring(settings, opened, clock, logger, () => writes.problem);
    const stores = monitoring?.stores ?? opened;
    const observer = monitoring?.observer;
    const composing = {
      stores,
      clock,
      random,
      logger,
      settings,
      advertised,
      unsentBytes: () => gateway?.stats.answerBytes ?? 0,
      observer,
    };
    const broker = await composeBroker(composing);
    try {
      gateway = await startGateway({
        listeners: settings.listeners,
        handleFrame: broker.handleFrame,
        clock,
        logger,
        limits: gatewayLimits(settings, logger),
        observer,
      });
    } catch (error) {
      await broker.close();
      throw error;
    }
    const started = gateway;
    const rest = await openRest(options, broker, composing, started);
    await joinFleet(broker, settings, advertised, started);
    const endUpkeep = scheduleUpkeep(broker, clock, logger);
    const checkEveryMs = settings.logRetentionCheckIntervalMs;
    const endSegments = scheduleSegments({ engine: broker, clock, random, logger, checkEveryMs });
    const bootstrapServers = settings.listeners.map(({ name }) => formatAddress(advertised(name))).join(',');
    monitoring?.opened(
      { gateway: () => started.stats, journals: broker.broker.admin.journals },
      Object.fromEntries([...started.addresses].map(([name, address]) => [name, formatAddress(address)])),
    );
    logger.log('info', {
      event: 'started',
      bootstrapServers,
      store: settings.store,
      clusterId: broker.broker.clusterId,
      ...(monitoring && { monitoring: formatAddress(monitoring) }),
      ...(rest && { rest: `http://${formatAddress(rest)}` }),
    });
    return {
      bootstrapServers,
      clusterId: broker.broker.clusterId,
      gateway: started,
      monitoring,
      rest,
      async close() {
        try {
          endUpkeep();
          endSegments();
          monitoring?.draining();
          await broker.membership?.leave();
          await Promise.all([started.drain(DRAIN_TIMEOUT_MS), rest?.drain(DRAIN_TIMEOUT_MS)]);
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

/**
 * Serves REST if the settings or the caller say where. Loads it only then. If it fails, closes
 * everything that was opened. Throws StartError.
 */
async function openRest(
  { settings: { restListener, given }, restFallback }: StartOptions,
  broker: ComposedBroker,
  composing: ComposeOptions,
  gateway: Gateway,
): Promise<HttpServer | undefined> {
  const fallback = given.has('restListeners') ? undefined : restFallback;
  const address = restListener ?? fallback;
  if (address === undefined) return undefined;
  const { startRest } = await import('./start-rest.ts');
  try {
    return await startRest({ ...composing, address, engine: broker });
  } catch (error) {
    if (fallback !== undefined && error instanceof StartError) {
      composing.logger.log('warn', { event: 'rest_not_served', message: error.message });
      return undefined;
    }
    await gateway.drain(0);
    await broker.close();
    throw error;
  }
}

/**
 * Joins the fleet if the settings say so. If that fails, closes everything that was opened. Throws
 * StartError.
 */
async function joinFleet(
  broker: ComposedBroker,
  { listeners }: Settings,
  advertised: (name: string) => Address,
  gateway: Gateway,
): Promise<void> {
  const places = listeners.map(({ name }) => ({ name, ...advertised(name) }));
  try {
    const outcome = await broker.membership?.join(places);
    if (outcome?.kind === 'unreadable') {
      throw new StartError(
        `Node id ${outcome.nodeId} belongs to a gateway of another version, whose entry this one cannot read. Give this one another --node-id, or none.`,
      );
    }
    if (outcome?.kind !== 'taken') return;
    const where = outcome.by.listeners.map(formatAddress).join(', ');
    throw new StartError(
      `Node id ${outcome.nodeId} is in use by the gateway at ${where}, which is running. Give this one another --node-id, or none.`,
    );
  } catch (error) {
    await gateway.drain(0);
    await broker.close();
    throw error;
  }
}

/**
 * Loads the metrics only if they are served, so that other starts do not wait for them. Throws
 * StartError.
 */
async function openMonitoring(
  { metricsHost: host, metricsPort: port }: Settings,
  stores: Stores,
  clock: Clock,
  logger: Logger,
  writeProblem: () => string | undefined,
): Promise<Monitoring | undefined> {
  if (port === undefined) return undefined;
  const { startMonitoring } = await import('./metrics/monitoring.ts');
  try {
    return await startMonitoring({ host, port, stores, clock, logger, writeProblem });
  } catch (error) {
    throw new StartError(metricsProblem({ host, port }, error), { cause: error });
  }
}
