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

/**
 * The subscription of a classic consumer. It is decoded from the member's first protocol; all its
 * protocols carry the same subscription.
 */
export type Subscription = ReturnType<typeof decodeSubscription> & object;

/** Undefined for bytes that are not a consumer subscription. */
export function decodeSubscription(metadata: Buffer | undefined) {
  try {
    return metadata === undefined ? undefined : decodeConsumerProtocol(ConsumerProtocolSubscription, metadata);
  } catch {
    return undefined;
  }
}

/**
 * Converts partitions by topic name, as in the classic protocol, to partitions by topic id. Omits
 * topics that `topics` does not contain.
 */
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

/**
 * The assignment that SyncGroup returns to a classic consumer, in the version of the member's own
 * metadata.
 */
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

/** Undefined for bytes that are not a consumer assignment. */
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
  /** Answered with GROUP_ID_NOT_FOUND, as in Kafka. */
  | { readonly kind: 'refused'; readonly message: string };

/**
 * Converts a classic group to a consumer group when a member of the consumer protocol joins it.
 * Members keep their ids, sessions and last assignment, and the generation becomes the first epoch.
 * Source: KIP-848, "Upgrade", and Kafka's GroupMetadataManager.validateOnlineUpgrade,
 * ConsumerGroup.fromClassicGroup.
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
      message: 'the group is a classic group, and upgrades are off (group.consumer.migration.policy)',
    };
  }
  if (classic.protocolType !== CONSUMER_PROTOCOL_TYPE) {
    return { kind: 'refused', message: `the group is a classic group of the protocol type ${classic.protocolType}` };
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
        message: `the classic member ${member.memberId} does not use the consumers' protocol`,
      };
    }
    if (assignment.userData !== null && assignment.userData.length > 0) {
      return { kind: 'refused', message: 'the members of the classic group use a custom assignor' };
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

/** A client-side assignor may have assigned a partition to two members. The first one keeps it. */
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
 * Whether a group with these members is downgraded to a classic group: all members must speak the
 * classic protocol (GroupMetadataManager.validateOnlineDowngradeWithFencedMembers,
 * ...WithReplacedMember).
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
 * Converts a consumer group to a stable classic group of its classic members. What they hold becomes
 * the leader's last assignments: a member of the consumer protocol that joins before the next
 * rebalance must not get a partition that another still reads. Kafka takes the targets, which are
 * the same once all members have reached them. Source: KIP-848, "Downgrade", and Kafka's
 * ClassicGroup.fromConsumerGroup.
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
    const held = toAssignment([...member.assigned, ...member.pendingRevocation]);
    assignments.set(member.memberId, encodeAssignment(group, held, protocols));
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
 * Removes these members. If the remaining members all speak the classic protocol, the group becomes
 * a rebalancing classic group (GroupMetadataManager.consumerGroupFenceMembers). Returns the same
 * group if none of them is a member.
 */
export function fenceMembers(
  group: ConsumerGroup,
  memberIds: ReadonlySet<string>,
  config: GroupConfig,
  now: StoreTime,
): Group {
  const rest = removeMembers(group, memberIds, now);
  if (rest === group || !mayDowngrade(rest.body.members, config)) return rest;
  // Keep the members' epoch as the generation from which they rejoin, as if a classic member had
  // left.
  return prepareRebalance(downgrade({ ...rest, groupEpoch: group.groupEpoch }, now), now, config.classic);
}
