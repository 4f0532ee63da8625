import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Observer } from '../../core/observer.ts';
import { meterStores } from '../../storage/metering.ts';
import type { Stores } from '../../storage/ports.ts';
import { Health } from './health.ts';
import { servePages } from './http.ts';
import { type MetricSources, Metrics } from './metrics.ts';
import { healthPage, metricsPage } from './pages.ts';
import { processMetrics } from './process-metrics.ts';

export interface MonitoringOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly stores: Stores;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Why the store takes no writes; undefined while it takes them. */
  readonly writeProblem?: () => string | undefined;
}

/** `/metrics` and `/healthz` of one Tidelog, on a port of their own. */
export interface Monitoring {
  readonly host: string;
  readonly port: number;
  /** The same stores with their calls counted, for the engine. */
  readonly stores: Stores;
  readonly observer: Observer;
  /** The listeners are open. */
  opened(sources: MetricSources, listeners: Readonly<Record<string, string>>): void;
  /** Reports from now on that the process is stopping. */
  draining(): void;
  close(): Promise<void>;
}

/**
 * Opens the port at once, before the listeners; until they are open it reports that they are not.
 * Rejects with the system's error.
 */
export async function startMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { host, port, clock, logger } = options;
  const metrics = new Metrics();
  const process = processMetrics.registry;
  const stores = meterStores(options.stores, metrics, clock);
  const health = new Health(stores.state, clock, options.writeProblem);
  const pages = await servePages({
    host,
    port,
    pages: new Map([
      ['/metrics', () => metricsPage(metrics, process)],
      ['/healthz', async () => healthPage(await health.check())],
    ]),
    onError: (path, error) => logger.log('warn', { event: 'monitoring_failed', path, message: String(error) }),
  });
  return {
    host: pages.host,
    port: pages.port,
    stores,
    observer: metrics,
    opened(sources, listeners) {
      metrics.watch(sources);
      health.opened(listeners);
    },
    draining: () => health.draining(),
    close: () => pages.close(),
  };
}
