import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/**
 * CPU, memory, garbage collection and event loop of this process, by prom-client's names. One registry for the process:
 * its observers of the event loop and the collector cannot be ended again, so they are started once, and only when the
 * metrics are asked for.
 */
export function processMetrics(): Registry {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry;
}
