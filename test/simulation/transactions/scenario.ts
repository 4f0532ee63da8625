import { type Random, randomInt } from '../../../lib/core/random.ts';
import { OFFSETS_BLOCK_PARTITIONS } from '../../../lib/storage/items/committed-offsets.ts';
import type { Plan } from '../plan.ts';
import { awsSettings, CLUSTER, CONSUMER, PRODUCER, RATES, SECOND_MS, TIMES, TOPIC } from '../scenario-parts.ts';
import type { Habits } from './transactional-caller.ts';
import type { TransactionalPlan } from './transactional-producer.ts';

/** Transactions over several topics and groups of the same plan, by the requests of clients. */
export interface TransactionalScenePlan {
  /** Names of topics. Offsets are committed for a partition of the input per transactional id. */
  readonly input: string;
  readonly outputs: readonly string[];
  readonly groups: readonly string[];
  readonly producers: readonly TransactionalPlan[];
  /** A topic that is deleted in the first stretch. */
  readonly removed?: { readonly topic: string; readonly withinMs: number };
}

const TROUBLED_MS = 20 * SECOND_MS;

const HABITS: Habits = { hasty: 0.4, givesUp: 0.3, thinkMs: 30 };

/**
 * Clients of both protocols consume, transform and produce. Several have the same transactional id, and take it from each other;
 * they die and sleep in the middle, are late by more than their time-out, and copies of their requests come when all is over.
 */
export function transactions(random: Random): Plan {
  const ids = randomInt(random, 2, 5);
  const producers = Array.from({ length: ids }, (_, place): TransactionalPlan => {
    const protocol = random.next() < 0.6 ? 2 : 1;
    const clients = random.next() < 0.6 ? 2 : 1;
    const timeoutMs = randomInt(random, 3, 12) * SECOND_MS;
    return {
      transactionalId: `id${place}`,
      protocol,
      clients,
      transactions: 10,
      batchesMax: 4,
      timeoutMs,
      place,
      habits: HABITS,
    };
  });
  const reader = { ...CONSUMER, committed: true, toEnd: true };
  const isRemoved = random.next() < 0.4;
  const outputs = ['orders', 'payments', ...(isRemoved ? ['doomed'] : [])];
  return {
    rates: {
      ...RATES,
      crash: 0.2,
      freeze: 0.6,
      lostAnswer: 0.02,
      slowThere: 0.05,
      slowPart: 0.12,
      slowBack: 0.03,
      dropAfter: 0.04,
      dropBefore: 0.01,
      duplicate: 0.2,
    },
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 4, settings: awsSettings() },
    topics: [
      { ...TOPIC, name: 'input', partitions: OFFSETS_BLOCK_PARTITIONS + ids, journals: 1 },
      {
        ...TOPIC,
        name: 'orders',
        producers: [{ ...PRODUCER, batches: 20, thinkMs: 300 }],
        consumers: [reader, { ...CONSUMER, committed: true, toEnd: true, maxBytes: 600 }],
        operators: [{ leaderChanges: 8, logStarts: 0, keep: 1 }],
      },
      { ...TOPIC, name: 'payments', partitions: 2, journals: 1, consumers: [reader] },
      ...(isRemoved ? [{ ...TOPIC, name: 'doomed', partitions: 2 }] : []),
    ],
    lifecycles: [],
    transactional: {
      input: 'input',
      outputs,
      groups: ['totals', 'audit'],
      producers,
      ...(isRemoved ? { removed: { topic: 'doomed', withinMs: TROUBLED_MS } } : {}),
    },
    stretches: [{ troubledMs: TROUBLED_MS, idleMs: 0, sweeps: 0 }],
  };
}

/**
 * What belongs to a transaction comes when it is over, and the next one of the same producer is open: those who finish it,
 * batches and offsets that hang on their way. At last transactions are left open, and readers wait for them.
 */
export function stragglers(random: Random): Plan {
  const habits: Habits = { hasty: 0.5, givesUp: 0.6, thinkMs: 60 };
  const producers = ([1, 2, 2] as const).map((protocol, place): TransactionalPlan => {
    const timeoutMs = randomInt(random, 3, 7) * SECOND_MS;
    return {
      transactionalId: `id${place}`,
      protocol,
      clients: 1,
      transactions: 14,
      batchesMax: 3,
      timeoutMs,
      place,
      habits,
    };
  });
  const rates = { slowPart: 0.3, slowEntry: 0.15, slowDecision: 0.15, duplicate: 0.1, staleRead: 0.2, skew: 1 };
  return {
    rates,
    times: { ...TIMES, slowMs: 3 * SECOND_MS },
    cluster: { ...CLUSTER, brokers: 3, settings: awsSettings() },
    topics: [
      { ...TOPIC, name: 'input', partitions: 2 * OFFSETS_BLOCK_PARTITIONS + producers.length, journals: 1 },
      {
        ...TOPIC,
        name: 'orders',
        partitions: 2,
        journals: 1,
        consumers: [{ ...CONSUMER, committed: true, toEnd: true, maxWaitMs: 500, wander: 0 }],
      },
    ],
    lifecycles: [],
    transactional: { input: 'input', outputs: ['orders'], groups: ['totals', 'audit'], producers },
    stretches: [{ troubledMs: 30 * SECOND_MS, idleMs: 0, sweeps: 0 }],
  };
}

/** A transactional id or two beside everything else, which has to be done soon. */
export function mixedTransactions(random: Random, input: string, outputs: readonly string[]): TransactionalScenePlan {
  const ids = randomInt(random, 1, 3);
  const producers = Array.from({ length: ids }, (_, place): TransactionalPlan => {
    const protocol = random.next() < 0.6 ? 2 : 1;
    const clients = ids === 1 && random.next() < 0.6 ? 2 : 1;
    const timeoutMs = randomInt(random, 2, 5) * SECOND_MS;
    return {
      transactionalId: `id${place}`,
      protocol,
      clients,
      transactions: 4,
      batchesMax: 4,
      timeoutMs,
      place,
      habits: HABITS,
    };
  });
  return { input, outputs, groups: ['totals'], producers };
}
