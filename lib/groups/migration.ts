import type { StoreTime } from '../storage/ports.ts';
import {
  ConsumerProtocolAssignment,
  ConsumerProtocolSubscription,
  decodeConsumerProtocol,
  encodeConsumerProtocol,
} from '../wire/messages/consumer-protocol.ts';
import type { Assignment, TopicPartitions } from './assignors/assignor.ts';
import { prepareRebalance } from './classic/rebalance.ts';
import {
  type ClassicGroup,
  type ClassicMember,
  CONSUMER_PROTOCOL_TYPE,
  emptyClassicGroup,
  type MemberProtocol,
  metadataOf,
  Roster,
  selectProtocol,
} from './classic/state.ts';
import type { GroupConfig } from './config.ts';
import { removeMembers } from './consumer/members.ts';
import { toAssignment } from './consumer/partitions.ts';
import { type ConsumerGroup, type Member, newConsumerGroup } from './consumer/state.ts';
import { sharedNames } from './consumer/subscription.ts';
import type { SubscribedTopic } from './facts.ts';
import type { Group } from './group.ts';

/** What a classic consumer tells of itself: the first of its protocols is like all others in this. */
export type Subscription = ReturnType<typeof decodeSubscription> & object;

/** Undefined for bytes that are not what consumers send. */
export function decodeSubscription(metadata: Buffer | undefined) {
  try {
    return metadata === undefined ? undefined : decodeConsumerProtocol(ConsumerProtocolSubscription, metadata);
  } catch {
    return undefined;
  }
}

/** Partitions by topic name, as the classic protocol tells them, by topic id; what `topics` does not know is left out. */
export function byTopicId(
  named: Iterable<{ readonly topic: string; readonly partitions: readonly number[] }>,
  topics: ReadonlyMap<string, SubscribedTopic | undefined>,
): Assignment {
  const found: TopicPartitions[] = [];
  for (const { topic, partitions } of named) {
    const topicId = topics.get(topic)?.topicId;
    if (topicId !== undefined) found.push({ topicId, partitions });
  }
  return toAssignment(found);
}

/** What SyncGroup hands to a classic consumer, in the version that its own metadata has. */
export function encodeAssignment(
  group: ConsumerGroup,
  assignment: Assignment,
  protocols: readonly MemberProtocol[],
): Buffer {
  const { topicsById } = group.body;
  const assignedPartitions = assignment.flatMap(({ topicId, partitions }) => {
    const topic = topicsById.get(topicId)?.name;
    return topic === undefined ? [] : [{ topic, partitions: [...partitions] }];
  });
  const told = protocols[0]?.metadata;
  const version = told === undefined || told.length < 2 ? 0 : Math.max(told.readInt16BE(0), 0);
  const { max } = ConsumerProtocolAssignment.versions;
  return encodeConsumerProtocol(ConsumerProtocolAssignment, Math.min(version, max), {
    assignedPartitions,
    userData: null,
  });
}

/** The topics whose ids and partitions `upgrade` needs. */
export function topicsOfClassic(group: ClassicGroup): ReadonlySet<string> {
  const names = new Set<string>();
  for (const member of group.roster.members.values()) {
    for (const name of decodeSubscription(protocolMetadata(group, member))?.topics ?? []) names.add(name);
    for (const { topic } of assignedOf(group, member)?.assignedPartitions ?? []) names.add(topic);
  }
  return names;
}

function protocolMetadata(group: ClassicGroup, member: ClassicMember): Buffer | undefined {
  const chosen = metadataOf(member, group.protocolName);
  return chosen.length > 0 ? chosen : member.protocols[0]?.metadata;
}

/** Undefined for bytes that are no assignment of consumers. */
function assignedOf(group: ClassicGroup, member: ClassicMember) {
  const bytes = group.roster.assignments.get(member.memberId);
  if (bytes === undefined || bytes.length === 0) return { assignedPartitions: [], userData: null };
  try {
    return decodeConsumerProtocol(ConsumerProtocolAssignment, bytes);
  } catch {
    return undefined;
  }
}

export type Upgrade =
  | { readonly kind: 'upgraded'; readonly group: ConsumerGroup }
  /** To be answered with GROUP_ID_NOT_FOUND, as Kafka does. */
  | { readonly kind: 'refused'; readonly message: string };

/**
 * The consumer group that takes the place of a classic one when a member of the consumer protocol joins it: members keep
 * their ids, sessions and last assignment, and the generation is the first epoch. Source: KIP-848, "Upgrade", and
 * Kafka's GroupMetadataManager.validateOnlineUpgrade, ConsumerGroup.fromClassicGroup.
 */
export function upgrade(
  classic: ClassicGroup,
  topics: ReadonlyMap<string, SubscribedTopic | undefined>,
  config: GroupConfig,
  now: StoreTime,
): Upgrade {
  const { members } = classic.roster;
  const empty = newConsumerGroup(classic.generation, now);
  if (members.size === 0) return { kind: 'upgraded', group: empty };
  const { migrationPolicy, maxSize } = config.consumer;
  if (migrationPolicy !== 'bidirectional' && migrationPolicy !== 'upgrade') {
    return {
      kind: 'refused',
      message: 'the group is a classic one, and upgrades are off (group.consumer.migration.policy)',
    };
  }
  if (classic.protocolType !== CONSUMER_PROTOCOL_TYPE) {
    return { kind: 'refused', message: `the group is a classic one of the protocol type ${classic.protocolType}` };
  }
  if (members.size > maxSize) {
    return { kind: 'refused', message: `the classic group has more than ${maxSize} members (group.consumer.max.size)` };
  }
  const upgraded: Member[] = [];
  const taken = new Set<string>();
  for (const member of members.values()) {
    const subscription = decodeSubscription(protocolMetadata(classic, member));
    const assignment = assignedOf(classic, member);
    if (subscription === undefined || assignment === undefined) {
      return {
        kind: 'refused',
        message: `what the classic member ${member.memberId} sent is not the consumers' protocol`,
      };
    }
    if (assignment.userData !== null && assignment.userData.length > 0) {
      return { kind: 'refused', message: 'the members of the classic group use an assignor of their own' };
    }
    const assigned = withoutTaken(byTopicId(assignment.assignedPartitions, topics), taken);
    upgraded.push({
      memberId: member.memberId,
      ...(member.instanceId === null ? {} : { instanceId: member.instanceId }),
      ...(subscription.rackId === null ? {} : { rackId: subscription.rackId }),
      clientId: member.clientId,
      clientHost: member.clientHost,
      joinedAt: now,
      sessionTimeoutMs: member.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      topicNames: sharedNames(subscription.topics, upgraded),
      topicPattern: '',
      memberEpoch: classic.generation,
      previousMemberEpoch: classic.generation,
      state: 'stable',
      assigned,
      pendingRevocation: [],
      target: assigned,
      classic: { protocols: member.protocols },
    });
  }
  const { emptySince: _, ...group } = empty;
  const kept = classic.replacedAt === undefined ? {} : { replacedAt: classic.replacedAt };
  return { kind: 'upgraded', group: { ...group, ...kept, body: group.body.with({ members: upgraded }) } };
}

/** An assignor of the clients' own may have given a partition to two; the first keeps it. */
function withoutTaken(assignment: Assignment, taken: Set<string>): Assignment {
  return toAssignment(
    assignment.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.filter((partition) => {
        const key = `${topicId} ${partition}`;
        return taken.has(key) ? false : taken.add(key);
      }),
    })),
  );
}

/**
 * Whether a group becomes a classic one when these are all its members: they all speak the classic protocol
 * (GroupMetadataManager.validateOnlineDowngradeWithFencedMembers, ...WithReplacedMember).
 */
export function mayDowngrade(members: readonly Member[], config: GroupConfig): boolean {
  const { migrationPolicy } = config.consumer;
  return (
    members.length > 0 &&
    members.every(({ classic }) => classic !== undefined) &&
    (migrationPolicy === 'bidirectional' || migrationPolicy === 'downgrade') &&
    members.length <= config.classic.maxSize
  );
}

/**
 * The classic group of the group's classic members, stable, with their targets as what the last leader gave them. Source:
 * KIP-848, "Downgrade", and Kafka's ClassicGroup.fromConsumerGroup.
 */
export function downgrade(group: ConsumerGroup, now: StoreTime): ClassicGroup {
  const members = new Map<string, ClassicMember>();
  const assignments = new Map<string, Buffer>();
  for (const member of group.body.members) {
    const protocols = member.classic?.protocols ?? [];
    members.set(member.memberId, {
      memberId: member.memberId,
      instanceId: member.instanceId ?? null,
      clientId: member.clientId,
      clientHost: member.clientHost,
      sessionTimeoutMs: member.sessionTimeoutMs,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      protocols,
      seenAt: now,
    });
    assignments.set(member.memberId, encodeAssignment(group, member.target, protocols));
  }
  const [leader] = members.keys();
  return {
    ...emptyClassicGroup(now, group.groupEpoch),
    ...(group.replacedAt === undefined ? {} : { replacedAt: group.replacedAt }),
    state: 'Stable',
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName: selectProtocol(members.values()),
    leader,
    roster: new Roster(members, assignments),
  };
}

/**
 * The group without these members; a rebalancing classic group if no member of the consumer protocol is left
 * (GroupMetadataManager.consumerGroupFenceMembers). The same if none of them is in it.
 */
export function fenceMembers(
  group: ConsumerGroup,
  memberIds: ReadonlySet<string>,
  config: GroupConfig,
  now: StoreTime,
): Group {
  const rest = removeMembers(group, memberIds, now);
  if (rest === group || !mayDowngrade(rest.body.members, config)) return rest;
  // The epoch that the members have is the generation that they rejoin from, as if a classic member had left.
  return prepareRebalance(downgrade({ ...rest, groupEpoch: group.groupEpoch }, now), now, config.classic);
}
