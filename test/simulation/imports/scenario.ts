import { type Random, randomInt } from '../../../lib/core/random.ts';
import type { Plan, Stretch } from '../plan.ts';
import {
  awsSettings,
  CLUSTER,
  CONSUMER,
  HOUR_MS,
  PRODUCER,
  RATES,
  SECOND_MS,
  TIMES,
  TOPIC,
} from '../scenario-parts.ts';
import type { ImportPlan } from './importer.ts';

const STRETCH: Stretch = { troubledMs: 6 * SECOND_MS, idleMs: 6 * HOUR_MS, sweeps: 3 };

/**
 * Topics are made of log files beside producers and consumers, by processes that are killed or stand still at any call, while
 * others begin the same import, or one of other files under the same name.
 */
export function imports(random: Random): Plan {
  const plan = (topic: string): ImportPlan => ({
    topic,
    partitions: randomInt(random, 1, 4),
    journals: randomInt(random, 1, 3),
    configs: { 'retention.ms': '-1' },
    changes: 0.15,
    producer: { ...PRODUCER, batches: 12, thinkMs: 20 },
    consumer: CONSUMER,
  });
  return {
    rates: { ...RATES, crash: 0.6, freeze: 0.5 },
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 5, settings: awsSettings() },
    topics: [
      {
        ...TOPIC,
        name: 'orders',
        partitions: 2,
        producers: [{ ...PRODUCER, batches: 40, thinkMs: 20 }],
        consumers: [CONSUMER],
      },
    ],
    imports: [plan('first'), plan('second'), plan('third')],
    lifecycles: [],
    history: {
      sealBytes: 2_000,
      everyMs: 300,
      entriesGraceMs: 2 * HOUR_MS,
      frozen: 0.04,
      frozenObjects: 0.05,
      deletedMs: 8 * 24 * HOUR_MS,
    },
    stretches: [STRETCH, STRETCH],
  };
}
