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
  /** `restless`: it deletes again and again, and does little else. */
  readonly operator?: { readonly deletes: boolean; readonly restless?: boolean };
  /** Once all is calm a member leaves and comes back, so that it is seen that the others hear of it at once. */
  readonly leavesLast?: boolean;
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
  commits: 0.35,
  leaves: 0.01,
  freezes: 0.02,
};

const CONSUMER: MemberPlan = { ...CLASSIC, protocol: 'consumer', rebalanceMs: SESSION_MS };

/** What three such members tell of themselves does not fit into the head of a group. */
const LARGE_BYTES = 1_800;

/** Members come, stand still, come back, and go, over brokers that do the same; groups are reset and deleted. */
export function groups(random: Random): Plan {
  const isStatic = random.next() < 0.5;
  const userDataBytes = random.next() < 0.4 ? LARGE_BYTES : 0;
  const members = (plan: MemberPlan) =>
    Array.from({ length: randomInt(random, 2, 4) }, (_, place) => {
      const instanceId = isStatic && place < 2 ? `i${place}` : null;
      return { ...plan, userDataBytes, instanceId };
    });
  const producer = { ...PRODUCER, batches: 60, thinkMs: 400 };
  return {
    rates: { ...RATES, crash: 0.08, freeze: 0.12, storm: 0.1, slowThere: 0.02, duplicate: 0.1, staleRead: 0.3 },
    times: { ...TIMES, slowMs: 14 * SECOND_MS },
    cluster: { ...CLUSTER, brokers: 4, settings: awsSettings(GROUP_SETTINGS) },
    topics: [
      { ...TOPIC, name: 'one', partitions: 2, journals: 1, producers: [producer] },
      { ...TOPIC, name: 'two', partitions: 1, journals: 1, producers: [producer] },
    ],
    lifecycles: [],
    groups: [
      {
        id: 'classic',
        topics: ['one', 'two'],
        members: members(CLASSIC),
        leavesLast: true,
        operator: { deletes: random.next() < 0.6 },
      },
      {
        id: 'consumer',
        topics: ['one', 'two'],
        members: members(CONSUMER),
        leavesLast: true,
        operator: { deletes: random.next() < 0.6 },
      },
    ],
    stretches: [{ troubledMs: 35 * SECOND_MS, idleMs: 0, sweeps: 0 }],
  };
}

/** Rebalances do not wait long for it, so that it sleeps through some. */
const HASTY: MemberPlan = { ...CLASSIC, rebalanceMs: 3 * SECOND_MS };

/** Members come and go all the time, and what they committed last hangs on its way while others read on. */
export function zombies(random: Random): Plan {
  const members = (plan: MemberPlan, dynamic: number, fixed: number) => {
    const restless = { ...plan, commits: 0.15, leaves: fixed > 0 ? 0.1 : 0.06, freezes: fixed > 0 ? 0.08 : 0.04 };
    const ids = [
      ...Array.from({ length: fixed }, (_, place) => `i${place}`),
      ...Array.from({ length: dynamic }, () => null),
    ];
    return ids.map((instanceId) => ({ ...restless, instanceId }));
  };
  const topics = ['one', 'two'];
  const operator = { deletes: true };
  const producers = [{ ...PRODUCER, batches: 30, thinkMs: 400 }];
  return {
    rates: { slowThere: 0.02, slowPart: 0.3, freeze: 0.1, dropAfter: 0.01, dropBefore: 0.01, duplicate: 0.2, skew: 1 },
    times: { ...TIMES, slowMs: 12 * SECOND_MS },
    cluster: { ...CLUSTER, brokers: 4, settings: awsSettings(GROUP_SETTINGS) },
    topics: topics.map((name) => ({ ...TOPIC, name, partitions: 1, journals: 1, producers })),
    lifecycles: [],
    groups: [
      { id: 'classic', topics, members: members(HASTY, 3, 0), operator },
      { id: 'static', topics, members: members(HASTY, random.next() < 0.5 ? 0 : 1, 2), operator },
      { id: 'consumer', topics, members: members(CONSUMER, 2, random.next() < 0.6 ? 2 : 0), operator },
    ],
    stretches: [{ troubledMs: 25 * SECOND_MS, idleMs: 0, sweeps: 0 }],
  };
}

/** As `zombies`, and members commit by transactions that end when others may have their partitions. */
export function memberTransactions(random: Random): Plan {
  const { groups: plans = [], ...plan } = zombies(random);
  const groups = plans.map(({ members, ...group }) => ({
    ...group,
    members: members.map((member) => ({ ...member, commits: 0.3, transactional: 0.8 })),
  }));
  return { ...plan, groups };
}

/** Groups are deleted and made anew again and again, while first commits hang on their way. */
export function deletions(random: Random): Plan {
  const { cluster, topics, ...plan } = zombies(random);
  // Its partitions are of one block, so that all members write the same item.
  const [topic] = topics;
  const members = Array.from({ length: 3 }, () => ({ ...HASTY, commits: 0.8, leaves: 0.2, freezes: 0.02 }));
  const operator = { deletes: true, restless: true };
  return {
    ...plan,
    rates: { slowThere: 0.01, slowPart: 0.6, freeze: 0.1, skew: 1, duplicate: 0.1 },
    times: { ...plan.times, slowMs: 8 * SECOND_MS },
    cluster: { ...cluster, brokers: 4 },
    topics: [{ ...topic!, partitions: 3 }],
    groups: ['a', 'b', 'c', 'd'].map((id) => ({ id: `group-${id}`, topics: [topic!.name], members, operator })),
    stretches: [{ troubledMs: 60 * SECOND_MS, idleMs: 0, sweeps: 0 }],
  };
}

/** A group of either kind beside everything else, which has to be done soon. */
export function mixedGroups(random: Random): readonly GroupPlan[] {
  const [id, topic, member] =
    random.next() < 0.5 ? (['classic', 'orders', CLASSIC] as const) : (['consumer', 'payments', CONSUMER] as const);
  return [{ id, topics: [topic], members: [member, member], operator: { deletes: false } }];
}
