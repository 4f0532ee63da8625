import { type Random, randomInt } from '../../../lib/core/random.ts';
import type { Plan } from '../plan.ts';
import {
  awsSettings,
  CLUSTER,
  CONSUMER,
  MINUTE_MS,
  PRODUCER,
  RATES,
  SECOND_MS,
  TIMES,
  TOPIC,
} from '../scenario-parts.ts';

/** As configured by default; runs of half a minute see several sessions end. */
const FLEET = { 'tidelog.fleet': 'true', 'broker.session.timeout.ms': '9000', 'broker.heartbeat.interval.ms': '2000' };

/** Everything is written inline, so that nothing has to wait until an object is too old to be named. */
const INLINE = { 'tidelog.inline.max.bytes': '32768' };
const SETTLE_MS = 6 * MINUTE_MS;

/** A fleet of gateways that come, go, stand still and are replaced, over one store, with functions that append beside them. */
export function leadership(random: Random): Plan {
  const gateways = randomInt(random, 3, 5);
  const producer = { ...PRODUCER, batches: 130, thinkMs: 120 };
  const reader = { ...CONSUMER, maxWaitMs: 300, wander: 0 };
  return {
    rates: {
      ...RATES,
      crash: 0.06,
      freeze: 0.12,
      restart: 0.12,
      twin: 0.04,
      storm: 0.1,
      slowThere: 0.01,
      staleRead: 0.3,
    },
    times: { ...TIMES, slowMs: 12 * SECOND_MS },
    cluster: {
      ...CLUSTER,
      brokers: gateways + 2,
      // Far more than a session: only the store's time may tell who is there.
      skewMs: 60 * SECOND_MS,
      settings: awsSettings(INLINE),
      longFreezes: 0.6,
      longFreezeMs: [8 * SECOND_MS, 40 * SECOND_MS],
      fleet: { gateways, settings: awsSettings({ ...INLINE, ...FLEET }), ownIds: random.next() < 0.5 },
    },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        partitions: 3,
        journals: 3,
        producers: [producer, { ...producer, idempotent: false }, { ...producer, batches: 80, via: 'functions' }],
        consumers: [reader, { ...reader, committed: true }],
        trusters: 2,
      },
      { ...TOPIC, name: 'two', partitions: 2, journals: 1, producers: [producer], consumers: [reader] },
    ],
    lifecycles: [],
    stretches: [{ troubledMs: 45 * SECOND_MS, idleMs: 0, sweeps: 0 }],
    settleMs: SETTLE_MS,
  };
}
