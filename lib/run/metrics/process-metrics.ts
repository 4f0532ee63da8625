import { collectDefaultMetrics, Registry } from 'prom-client';

class ProcessMetrics {
  #registry: Registry | undefined;

  /** Created at first use, which starts the observers. */
  get registry(): Registry {
    if (this.#registry === undefined) {
      this.#registry = new Registry();
      collectDefaultMetrics({ register: this.#registry });
    }
    return this.#registry;
  }
}

/**
 * CPU, memory, garbage collection and event loop of this process, by prom-client's names. One
 * object for the process: prom-client's observers of the event loop and the collector cannot be
 * stopped, so they are started once.
 */
export const processMetrics = new ProcessMetrics();
