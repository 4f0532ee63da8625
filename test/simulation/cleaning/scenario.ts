import { type Random, randomInt } from '../../../lib/core/random.ts';
import type { Plan, Stretch } from '../plan.ts';
import {
  awsSettings,
  CLUSTER,
  CONSUMER,
  HOUR_MS,
  NO_REST,
  PRODUCER,
  RATES,
  SECOND_MS,
  TIMES,
  TOPIC,
} from '../scenario-parts.ts';

const STRETCH: Stretch = { troubledMs: 6 * SECOND_MS, idleMs: 6 * HOUR_MS, sweeps: 3 };

/**
 * Topics that are compacted, that are compacted and end, and that end by time or size, while their records are produced and
 * read. Lags and retentions are seconds, so that they are over in the middle of the work. Tombstones stay for longer than a
 * process counts on a segment that it has found.
 */
export function cleaning(random: Random): Plan {
  const keys = { count: randomInt(random, 3, 12), tombstones: 0.2 };
  const lagMs = (most: number) => String(random.next() < 0.5 ? 0 : randomInt(random, 1, most));
  const keyed = { ...PRODUCER, keys, batches: 50, thinkMs: 20 };
  const compacted = {
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': random.next() < 0.7 ? '0' : '0.3',
    'max.compaction.lag.ms': String(10 * SECOND_MS),
    'min.compaction.lag.ms': lagMs(2 * SECOND_MS),
    'delete.retention.ms': String(randomInt(random, 70, 200) * SECOND_MS),
  };
  const consumers = [CONSUMER, { ...CONSUMER, committed: true, maxBytes: 700 }];
  const isSized = random.next() < 0.5;
  return {
    rates: RATES,
    times: TIMES,
    cluster: { ...CLUSTER, settings: awsSettings({ 'tidelog.cache.bytes': '20000' }) },
    topics: [
      {
        ...TOPIC,
        name: 'table',
        partitions: 2,
        journals: 1,
        configs: compacted,
        producers: [keyed, { ...keyed, idempotent: false, batches: 20 }],
        transactors: [{ transactions: 10, batchesMax: 3, valueBytes: 40, keys }],
        consumers: [...consumers, { ...CONSUMER, committed: true }],
      },
      {
        ...TOPIC,
        name: 'latest',
        partitions: 1,
        journals: 1,
        configs: { ...compacted, 'cleanup.policy': 'compact,delete', 'retention.ms': String(4 * SECOND_MS) },
        producers: [keyed],
        transactors: [{ transactions: 5, batchesMax: 2, valueBytes: 40, keys }],
        consumers,
      },
      {
        ...TOPIC,
        name: 'stream',
        partitions: 2,
        configs: isSized
          ? { 'retention.ms': '-1', 'retention.bytes': String(randomInt(random, 1_000, 6_000)) }
          : { 'retention.ms': String(randomInt(random, 1_000, 4_000)) },
        producers: [{ ...PRODUCER, batches: 60, thinkMs: 20 }],
        consumers,
      },
    ],
    lifecycles: [],
    history: {
      sealBytes: 1_500,
      everyMs: 150,
      entriesGraceMs: 2 * HOUR_MS,
      frozen: 0.03,
      frozenObjects: 0.02,
      cleans: 0.6,
    },
    // Whoever reads everything again then finds what the last passes are going to replace.
    stretches: [STRETCH, { ...STRETCH, ...NO_REST }],
  };
}
