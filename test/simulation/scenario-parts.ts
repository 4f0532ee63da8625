import { settingsOf } from '../support/settings.ts';
import type { ConsumerPlan } from './consumer.ts';
import type { ProducerPlan } from './producer.ts';
import type { Rates, TroubleTimes } from './trouble.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;

/** The store `aws` with both tiers in use: a flush of more than 1 KiB goes to a WAL object. */
export function awsSettings(more: Readonly<Record<string, string>> = {}) {
  return settingsOf({
    'tidelog.store': 'aws',
    'tidelog.journal.table': 'journal',
    'tidelog.state.table': 'state',
    'tidelog.bucket': 'bucket',
    'tidelog.inline.max.bytes': '1024',
    'tidelog.linger.ms': '5',
    'auto.create.topics.enable': 'false',
    ...more,
  });
}

export const RATES: Rates = {
  throttled: 0.01,
  unavailable: 0.005,
  lostAnswer: 0.01,
  landsLater: 0.004,
  slowThere: 0.004,
  slowBack: 0.004,
  staleRead: 0.2,
  shortPage: 0.1,
  crash: 0.15,
  freeze: 0.3,
  skew: 1,
  storm: 0.25,
  dropBefore: 0.004,
  dropAfter: 0.004,
  duplicate: 0.02,
};

export const TIMES: TroubleTimes = {
  slowMs: 8 * SECOND_MS,
  landMs: 20 * MINUTE_MS,
  outageMs: [8 * MINUTE_MS, 14 * MINUTE_MS],
  staleMs: 5 * SECOND_MS,
};

export const CLUSTER = {
  brokers: 5,
  skewMs: 5 * SECOND_MS,
  granularityMs: SECOND_MS,
  longFreezes: 0.1,
  longFreezeMs: [65 * MINUTE_MS, 5 * HOUR_MS] as const,
};

export const PRODUCER: ProducerPlan = {
  idempotent: true,
  batches: 100,
  recordsMax: 3,
  valueBytes: 60,
  thinkMs: 4,
  timeoutMs: 2_000,
  slowStart: true,
};

export const CONSUMER: ConsumerPlan = { committed: false, maxWaitMs: 200, maxBytes: 4_000, wander: 0.2 };

export const TOPIC = { partitions: 3, journals: 2, producers: [], consumers: [], transactors: [], operators: [] };

export const NO_REST = { idleMs: 0, sweeps: 0 };
