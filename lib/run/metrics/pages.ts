import type { HealthState } from './health.ts';
import type { Page } from './http.ts';
import type { Metrics } from './metrics.ts';

/** Everything that is counted, as Prometheus reads it. */
export async function metricsPage(metrics: Metrics, process: Metrics['registry']): Promise<Page> {
  const { contentType } = metrics.registry;
  const parts = await Promise.all([metrics.registry.metrics(), process.metrics()]);
  return { status: 200, contentType, body: parts.join('') };
}

/** The state as JSON; anything but 200 takes the process out of a load balancer. */
export function healthPage(state: HealthState): Page {
  const status = state.status === 'ok' ? 200 : 503;
  return { status, contentType: 'application/json', body: `${JSON.stringify(state)}\n` };
}
