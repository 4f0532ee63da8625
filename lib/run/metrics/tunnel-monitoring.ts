import type { FrameFunction } from '../../broker/apis.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Observer } from '../../core/observer.ts';
import type { GatewayStats } from '../../doors/tcp/server.ts';
import type { CallOutcome, Transport } from '../../doors/tunnel/transport.ts';
import { troubleText } from '../../doors/tunnel/trouble-log.ts';
import type { HealthState } from './health.ts';
import { servePages } from './http.ts';
import { Metrics } from './metrics.ts';
import { healthPage, metricsPage } from './pages.ts';
import { processMetrics } from './process-metrics.ts';

export interface TunnelMonitoringOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** `/metrics` and `/healthz` of a tunnel. */
export interface TunnelMonitoring {
  readonly host: string;
  readonly port: number;
  /** The same transport, with its calls counted. */
  readonly transport: Transport;
  readonly observer: Observer;
  /** The listeners are open. */
  opened(gateway: () => GatewayStats, listeners: Readonly<Record<string, string>>): void;
  /** Reports from now on that the process is stopping. */
  draining(): void;
  close(): Promise<void>;
}

/**
 * Opens the port. A tunnel is healthy unless the last call of a function failed. A health check
 * calls no function, as that would cost money and keep instances alive. Rejects with the system's
 * error.
 */
export async function startTunnelMonitoring(options: TunnelMonitoringOptions): Promise<TunnelMonitoring> {
  const { host, port, transport, clock, logger } = options;
  const metrics = new Metrics();
  const process = processMetrics.registry;
  const problems = new Map<FrameFunction, string>();
  let listeners: Readonly<Record<string, string>> | undefined;
  let isDraining = false;

  const health = (): HealthState => {
    if (isDraining) return { status: 'draining', reason: 'the process is being stopped' };
    if (listeners === undefined) return { status: 'starting', reason: 'the listeners are not open yet' };
    const [problem] = problems.values();
    return problem === undefined ? { status: 'ok', listeners } : { status: 'unavailable', reason: problem };
  };
  const metered: Transport = {
    ...transport,
    async call(name, envelope) {
      const startedAt = clock.monotonic();
      const outcome = await transport.call(name, envelope);
      metrics.called(name, labelOf(outcome), clock.monotonic() - startedAt);
      if (outcome.kind === 'answered') problems.delete(name);
      else problems.set(name, troubleText(transport, name, outcome));
      return outcome;
    },
  };
  const pages = await servePages({
    host,
    port,
    pages: new Map([
      ['/metrics', () => metricsPage(metrics, process)],
      ['/healthz', async () => healthPage(health())],
    ]),
    onError: (path, error) => logger.log('warn', { event: 'monitoring_failed', path, message: String(error) }),
  });
  return {
    host: pages.host,
    port: pages.port,
    transport: metered,
    observer: metrics,
    opened(gateway, open) {
      metrics.watchGateway(gateway);
      listeners = open;
    },
    draining() {
      isDraining = true;
    },
    close: () => pages.close(),
  };
}

function labelOf(outcome: CallOutcome): string {
  return outcome.kind === 'refused' ? `refused.${outcome.reason}` : outcome.kind;
}
