import { type Random, randomInt } from '../../lib/core/random.ts';
import { settingsOf } from '../support/settings.ts';
import { cleaning } from './cleaning/scenario.ts';
import { deletions, GROUP_SETTINGS, groups, memberTransactions, mixedGroups, zombies } from './groups/scenario.ts';
import { imports } from './imports/scenario.ts';
import { leadership } from './leadership/scenario.ts';
import type { Plan } from './plan.ts';
import type { ProducerPlan } from './producer.ts';
import {
  awsSettings,
  CLUSTER,
  CONSUMER,
  HOUR_MS,
  MINUTE_MS,
  NO_REST,
  PRODUCER,
  RATES,
  SECOND_MS,
  TIMES,
  TOPIC,
} from './scenario-parts.ts';
import { mixedTransactions, stragglers, transactions } from './transactions/scenario.ts';

/** A little of everything. */
function mixed(random: Random): Plan {
  const big = { ...PRODUCER, valueBytes: 900, thinkMs: 12, batches: 60 };
  const consumers = [CONSUMER, { ...CONSUMER, committed: true, toEnd: true, maxWaitMs: 100 }];
  return {
    rates: RATES,
    times: TIMES,
    cluster: { ...CLUSTER, brokers: randomInt(random, 4, 7), settings: awsSettings(GROUP_SETTINGS) },
    topics: [
      {
        ...TOPIC,
        name: 'orders',
        producers: [PRODUCER, PRODUCER, { ...PRODUCER, idempotent: false, batches: 60 }],
        consumers,
        operators: [{ leaderChanges: 2, logStarts: 1, keep: 1 }],
      },
      {
        ...TOPIC,
        name: 'payments',
        partitions: 2,
        journals: 1,
        producers: [big, { ...PRODUCER, batches: 60 }],
        consumers,
      },
    ],
    groups: mixedGroups(random),
    transactional: mixedTransactions(random, 'orders', ['orders', 'payments']),
    lifecycles: [],
    stretches: [
      { troubledMs: 6 * SECOND_MS, idleMs: 6 * HOUR_MS, sweeps: 3 },
      { troubledMs: 3 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** As `mixed`, and history is sealed, merged, compacted, retained, trimmed and collected beside it. */
function history(random: Random): Plan {
  const plan = mixed(random);
  const [orders, payments] = plan.topics;
  const producers = (of: readonly ProducerPlan[]) => of.map((one) => ({ ...one, thinkMs: 2 * one.thinkMs }));
  return {
    ...plan,
    topics: [
      { ...orders!, producers: producers(orders!.producers) },
      { ...payments!, producers: producers(payments!.producers) },
    ],
    history: { sealBytes: 3_000, everyMs: 300, entriesGraceMs: 2 * HOUR_MS, frozen: 0.04, frozenObjects: 0.05 },
    stretches: [
      { troubledMs: 6 * SECOND_MS, idleMs: 6 * HOUR_MS, sweeps: 3 },
      { troubledMs: 6 * SECOND_MS, idleMs: 12 * HOUR_MS, sweeps: 4 },
    ],
  };
}

/** Five writers race for every slot of one journal, over brokers that know little of each other. */
function contention(): Plan {
  const producer = { ...PRODUCER, batches: 45, thinkMs: 6 };
  return {
    rates: { staleRead: 0.4, shortPage: 0.2, throttled: 0.02, lostAnswer: 0.01, dropBefore: 0.1, duplicate: 0.05 },
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 3, settings: awsSettings({ 'tidelog.inline.max.bytes': '32768' }) },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        partitions: 2,
        journals: 1,
        producers: [producer, producer, producer, producer, { ...producer, idempotent: false }],
        consumers: [{ ...CONSUMER, wander: 0.8 }],
      },
    ],
    lifecycles: [],
    stretches: [{ troubledMs: 5 * SECOND_MS, ...NO_REST }],
  };
}

/** Answers get lost, and puts land minutes after they were given up. */
function unknowns(): Plan {
  return {
    rates: {
      lostAnswer: 0.08,
      landsLater: 0.06,
      slowThere: 0.03,
      slowBack: 0.03,
      crash: 0.5,
      dropAfter: 0.02,
      staleRead: 0.2,
    },
    times: { ...TIMES, slowMs: 12 * SECOND_MS },
    cluster: { ...CLUSTER, settings: awsSettings() },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        partitions: 2,
        journals: 1,
        producers: [
          PRODUCER,
          { ...PRODUCER, batches: 60, valueBytes: 700 },
          { ...PRODUCER, idempotent: false, batches: 40 },
        ],
        consumers: [CONSUMER],
      },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 8 * SECOND_MS, idleMs: HOUR_MS, sweeps: 0 },
      { troubledMs: 8 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** Processes stand still for hours, in the middle of whatever they do, and go on with clocks that know it or do not. */
function freezes(): Plan {
  return {
    rates: { freeze: 3, crash: 0.1, lostAnswer: 0.01, staleRead: 0.2, skew: 1, dropAfter: 0.01 },
    times: TIMES,
    cluster: {
      ...CLUSTER,
      brokers: 8,
      settings: awsSettings({ 'tidelog.inline.max.bytes': '200' }),
      longFreezes: 0.5,
      longFreezeMs: [MINUTE_MS, 4 * HOUR_MS],
    },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        producers: [PRODUCER, { ...PRODUCER, valueBytes: 300 }],
        consumers: [CONSUMER],
      },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 4 * SECOND_MS, idleMs: 90 * MINUTE_MS, sweeps: 6 },
      { troubledMs: 4 * SECOND_MS, idleMs: 5 * HOUR_MS, sweeps: 10 },
      { troubledMs: 0, ...NO_REST },
    ],
  };
}

/** As the store `memory`: a journal's block ends after few entries of this size, so that there are many checkpoints. */
const LARGE: ProducerPlan = { ...PRODUCER, batches: 30, recordsMax: 2, valueBytes: 50_000, thinkMs: 150 };

function localSettings() {
  return settingsOf({
    'tidelog.store': 'memory',
    'auto.create.topics.enable': 'false',
    'tidelog.cache.bytes': '600000',
  });
}

/** Old entries are deleted while some processes sleep for days with what they knew, or lag behind as long. */
function janitor(): Plan {
  const consumers = [
    { ...CONSUMER, maxBytes: 200_000 },
    { ...CONSUMER, maxBytes: 200_000, committed: true, wander: 0 },
  ];
  return {
    rates: { staleRead: 0.3, freeze: 0.3, lostAnswer: 0.01, crash: 0.2, skew: 1, slowBack: 0.03 },
    times: { ...TIMES, staleMs: 40 * HOUR_MS },
    cluster: {
      ...CLUSTER,
      brokers: 6,
      settings: localSettings(),
      longFreezes: 0.4,
      longFreezeMs: [HOUR_MS, 20 * HOUR_MS],
    },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        partitions: 2,
        journals: 1,
        producers: [LARGE],
        consumers,
        operators: [{ leaderChanges: 1, logStarts: 6, keep: 0.5 }],
      },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 3 * SECOND_MS, idleMs: 2 * HOUR_MS, sweeps: 1 },
      { troubledMs: 3 * SECOND_MS, idleMs: 26 * HOUR_MS, sweeps: 2, resting: 2 },
      { troubledMs: 3 * SECOND_MS, idleMs: 26 * HOUR_MS, sweeps: 2, resting: 2 },
      { troubledMs: 3 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** Processes sleep for days while all that they know of the journal is deleted, and then are the first to be asked. */
function oldViews(): Plan {
  const { rates } = janitor();
  const producer = { ...LARGE, batches: 24 };
  const sleeper = { ...CONSUMER, maxBytes: 200_000, wander: 0, maxWaitMs: 3_000 };
  const stretch = { troubledMs: 3 * SECOND_MS, idleMs: 26 * HOUR_MS, sweeps: 2, resting: 3 };
  return {
    rates: { ...rates, crash: 0, freeze: 0.1, staleRead: 0.8 },
    times: { ...TIMES, staleMs: 60 * HOUR_MS },
    cluster: { ...CLUSTER, brokers: 6, settings: localSettings(), longFreezes: 0 },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        partitions: 1,
        journals: 1,
        producers: [producer, { ...producer, idempotent: false, batches: 8 }],
        consumers: [{ ...CONSUMER, maxBytes: 200_000 }, ...[0, 1, 2].map((place) => ({ ...sleeper, place }))],
        operators: [{ leaderChanges: 0, logStarts: 2, keep: 0.1 }],
      },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 3 * SECOND_MS, idleMs: 2 * HOUR_MS, sweeps: 0 },
      stretch,
      stretch,
      { troubledMs: 3 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** Every flush goes to an object; what nothing names is collected an hour later. */
function objects(): Plan {
  return {
    rates: { ...RATES, freeze: 2, crash: 0.3, duplicate: 0.01 },
    times: { ...TIMES, slowMs: 40 * SECOND_MS },
    cluster: {
      ...CLUSTER,
      brokers: 7,
      settings: awsSettings({ 'tidelog.inline.max.bytes': '0', 'tidelog.cache.bytes': '20000' }),
      longFreezes: 0.6,
      longFreezeMs: [8 * MINUTE_MS, 3 * HOUR_MS],
    },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        producers: [
          { ...PRODUCER, batches: 60, thinkMs: 15 },
          { ...PRODUCER, batches: 60, thinkMs: 15, idempotent: false },
        ],
        consumers: [CONSUMER],
      },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 4 * SECOND_MS, idleMs: 3 * HOUR_MS, sweeps: 12 },
      { troubledMs: 4 * SECOND_MS, idleMs: 4 * HOUR_MS, sweeps: 12 },
      { troubledMs: 0, ...NO_REST },
    ],
  };
}

/** Blocks end all the time, many producers make views large, and processes start over and over. */
function checkpoints(): Plan {
  const crowd = Array.from({ length: 70 }, () => ({ ...LARGE, batches: 3, thinkMs: 400, valueBytes: 20_000 }));
  return {
    rates: {
      crash: 1.5,
      staleRead: 0.2,
      lostAnswer: 0.02,
      slowThere: 0.02,
      landsLater: 0.01,
      throttled: 0.02,
      shortPage: 0.2,
    },
    times: TIMES,
    cluster: { ...CLUSTER, settings: localSettings() },
    topics: [
      { ...TOPIC, name: 'one', journals: 1, producers: crowd, consumers: [{ ...CONSUMER, maxBytes: 200_000 }] },
      { ...TOPIC, name: 'two', partitions: 1, journals: 1, producers: [LARGE] },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 6 * SECOND_MS, idleMs: 2 * HOUR_MS, sweeps: 0 },
      { troubledMs: 6 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** Topics come and go under the same names. */
function lifecycle(): Plan {
  return {
    rates: {
      ...RATES,
      duplicate: 0,
      landsLater: 0.02,
      lostAnswer: 0.02,
      slowThere: 0.02,
      slowBack: 0.02,
      freeze: 1,
      dropAfter: 0.02,
    },
    times: TIMES,
    cluster: { ...CLUSTER, settings: awsSettings() },
    topics: [],
    lifecycles: [
      { lives: 3, batches: 12 },
      { lives: 3, batches: 12 },
    ],
    stretches: [
      { troubledMs: 6 * SECOND_MS, idleMs: HOUR_MS, sweeps: 0 },
      { troubledMs: 6 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** Several clients change the same topic at once, over a store that takes its time. */
function topicChanges(): Plan {
  const crowded = { lives: 4, batches: 4, crowded: true };
  return {
    rates: { slowThere: 0.06, slowBack: 0.06, lostAnswer: 0.02, throttled: 0.02 },
    times: { ...TIMES, slowMs: 1_500 },
    cluster: { ...CLUSTER, brokers: 4, settings: awsSettings() },
    topics: [],
    lifecycles: [crowded, crowded],
    stretches: [{ troubledMs: 20 * SECOND_MS, ...NO_REST }],
  };
}

/** Transactions begin, abort and commit by handmade markers among other producers' batches, and readers see the committed ones only. */
function markers(): Plan {
  const transactor = { transactions: 12, batchesMax: 5, valueBytes: 60 };
  return {
    rates: { ...RATES, crash: 0.5, freeze: 1, slowBack: 0.1 },
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 6, settings: awsSettings({ 'tidelog.cache.bytes': '8000' }), longFreezes: 0.3 },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        producers: [{ ...PRODUCER, batches: 40, thinkMs: 15 }],
        consumers: [
          { ...CONSUMER, committed: true },
          { ...CONSUMER, committed: true, maxBytes: 300 },
          { ...CONSUMER, committed: true, maxBytes: 2_000 },
        ],
        transactors: [transactor, transactor, transactor],
        operators: [{ leaderChanges: 2, logStarts: 24, keep: 0.7 }],
      },
    ],
    lifecycles: [],
    stretches: [
      { troubledMs: 6 * SECOND_MS, idleMs: 6 * HOUR_MS, sweeps: 1 },
      { troubledMs: 6 * SECOND_MS, ...NO_REST },
    ],
  };
}

/** New producers send their first batches without waiting for the first answer, and time out early. */
function firstBatches(): Plan {
  const eager: ProducerPlan = { ...PRODUCER, batches: 8, thinkMs: 2, timeoutMs: 1_000, slowStart: false };
  return {
    rates: {
      throttled: 0.05,
      unavailable: 0.05,
      lostAnswer: 0.03,
      storm: 1,
      dropAfter: 0.02,
      dropBefore: 0.02,
      crash: 0.3,
    },
    times: TIMES,
    cluster: { ...CLUSTER, settings: awsSettings() },
    topics: [{ ...TOPIC, name: 'one', producers: Array.from({ length: 15 }, () => eager), consumers: [CONSUMER] }],
    lifecycles: [],
    stretches: [{ troubledMs: 6 * SECOND_MS, ...NO_REST }],
  };
}

/** The store is out of reach for minutes, with a put on the way, and clients have the patience to wait for it. */
function outages(): Plan {
  const patient: ProducerPlan = { ...PRODUCER, batches: 20, thinkMs: 40, timeoutMs: 60 * MINUTE_MS };
  return {
    rates: { landsLater: 0.05, outage: 0.7 },
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 2, settings: awsSettings({ 'tidelog.inline.max.bytes': '0' }) },
    topics: [
      {
        ...TOPIC,
        name: 'one',
        partitions: 1,
        journals: 1,
        producers: [{ ...patient, idempotent: false }],
        consumers: [CONSUMER],
      },
      { ...TOPIC, name: 'two', partitions: 1, journals: 1, producers: [patient] },
    ],
    lifecycles: [],
    stretches: [{ troubledMs: 2 * SECOND_MS, ...NO_REST }],
  };
}

/** A later program has written what this one does not know: it has to stop. */
function newcomer(): Plan {
  return {
    rates: {},
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 3, settings: awsSettings(), expectErrors: true },
    topics: [{ ...TOPIC, name: 'one', producers: [PRODUCER, PRODUCER] }],
    lifecycles: [],
    stretches: [],
    newcomerAfterMs: 150,
  };
}

export const SCENARIOS = {
  mixed,
  history,
  cleaning,
  imports,
  contention,
  unknowns,
  freezes,
  janitor,
  oldViews,
  objects,
  checkpoints,
  lifecycle,
  topicChanges,
  markers,
  transactions,
  stragglers,
  firstBatches,
  outages,
  newcomer,
  groups,
  zombies,
  memberTransactions,
  deletions,
  leadership,
} satisfies Record<string, (random: Random) => Plan>;

export type ScenarioName = keyof typeof SCENARIOS;
