import type { Random } from '../../../lib/core/random.ts';
import { randomInt } from '../../../lib/core/random.ts';
import type { Plan } from '../plan.ts';
import { awsSettings, CLUSTER, PRODUCER, RATES, SECOND_MS, TIMES, TOPIC } from '../scenario-parts.ts';
import type { MemberPlan } from './group-member.ts';

export interface GroupPlan {
  readonly id: string;
  /** Names of topics of the same plan. */
  readonly topics: readonly string[];
  readonly members: readonly MemberPlan[];
  readonly operator?: { readonly deletes: boolean };
}

const SESSION_MS = 9 * SECOND_MS;

/** Sessions of a few seconds, so that a run of a minute sees several of them end. */
export const GROUP_SETTINGS = {
  'group.consumer.session.timeout.ms': String(SESSION_MS),
  'group.consumer.min.session.timeout.ms': '1000',
  'group.consumer.heartbeat.interval.ms': '1500',
  'group.consumer.min.heartbeat.interval.ms': '500',
};

const CLASSIC: MemberPlan = {
  protocol: 'classic',
  instanceId: null,
  userDataBytes: 0,
  sessionMs: SESSION_MS,
  rebalanceMs: 6 * SECOND_MS,
  heartbeatMs: 1_500,
};

const CONSUMER: MemberPlan = { ...CLASSIC, protocol: 'consumer', rebalanceMs: SESSION_MS };

/** What three such members tell of themselves does not fit into the head of a group. */
const LARGE_BYTES = 1_800;

/** Members come, stand still, come back, and go, over brokers that do the same; groups are reset and deleted. */
export function groups(random: Random): Plan {
  const isStatic = random.next() < 0.4;
  const userDataBytes = random.next() < 0.4 ? LARGE_BYTES : 0;
  const members = (plan: MemberPlan) =>
    Array.from({ length: randomInt(random, 2, 5) }, (_, place) => {
      const instanceId = isStatic && place < 2 ? `i${place}` : null;
      return { ...plan, userDataBytes, instanceId };
    });
  const producer = { ...PRODUCER, batches: 30, thinkMs: 900 };
  return {
    rates: { ...RATES, crash: 0.08, freeze: 0.12, storm: 0.1, landsLater: 0.002, duplicate: 0.1, staleRead: 0.1 },
    times: TIMES,
    cluster: { ...CLUSTER, brokers: 4, settings: awsSettings(GROUP_SETTINGS) },
    topics: [
      { ...TOPIC, name: 'one', producers: [producer] },
      { ...TOPIC, name: 'two', partitions: 2, journals: 1, producers: [producer] },
    ],
    lifecycles: [],
    groups: [
      { id: 'classic', topics: ['one', 'two'], members: members(CLASSIC), operator: { deletes: random.next() < 0.5 } },
      { id: 'consumer', topics: ['one', 'two'], members: members(CONSUMER), operator: { deletes: random.next() < 0.5 } },
    ],
    stretches: [{ troubledMs: 45 * SECOND_MS, idleMs: 0, sweeps: 0 }],
  };
}

/** A group of each kind beside everything else. */
export function mixedGroups(): readonly GroupPlan[] {
  return [
    { id: 'classic', topics: ['orders'], members: [CLASSIC, CLASSIC] },
    { id: 'consumer', topics: ['payments'], members: [CONSUMER, CONSUMER] },
  ];
}

