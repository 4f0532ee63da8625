import type { HealthState } from './health.ts';
import type { Page } from './http.ts';
import type { Metrics } from './metrics.ts';

/** All metrics in Prometheus' text format. */
export async function metricsPage(metrics: Metrics, process: Metrics['registry']): Promise<Page> {
  const { contentType } = metrics.registry;
  const parts = await Promise.all([metrics.registry.metrics(), process.metrics()]);
  return { status: 200, contentType, body: parts.join('') };
}

/** The health as JSON. A status other than 200 takes the process out of a load balancer. */
export function healthPage(state: HealthState): Page {
  const status = state.status === 'ok' ? 200 : 503;
  return { status, contentType: 'application/json', body: `${JSON.stringify(state)}\n` };
}
