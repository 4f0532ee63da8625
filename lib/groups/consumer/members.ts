import type { StoreTime } from '../../storage/ports.ts';
import type { TopicPartitions } from '../assignors/assignor.ts';
import type { ConsumerGroupConfig } from '../config.ts';
import type { TopicLook } from '../facts.ts';
import { nextRequestBy } from '../next-request.ts';
import { sameAssignment } from './partitions.ts';
import { isReconciled, reconcile } from './reconcile.ts';
import { type ConsumerGroup, type Member, withMember, withMembers } from './state.ts';
import { type MatchPattern, refreshTopics, subscribedNames } from './subscription.ts';
import { computeTargets } from './target.ts';

/** The inputs of `moveOn` besides the group and the member. */
export interface MemberFacts {
  readonly now: StoreTime;
  readonly config: ConsumerGroupConfig;
  readonly look: TopicLook;
  /** Whether the group has already taken in this very look. */
  readonly isTakenIn: boolean;
  readonly matches: MatchPattern;
}

/**
 * Puts `updated` into the group and moves it one step towards its target, in this order:
 * - The topics are refreshed from the look.
 * - The group epoch is bumped if the member's subscription or the topics changed.
 * - New targets are computed.
 * - The member is reconciled.
 *
 * `before`: the member before the request; undefined for a new one. Requests of both protocols use
 * this. Source: the three parts of Kafka's GroupMetadataManager.consumerGroupHeartbeat.
 */
export function moveOn(
  group: ConsumerGroup,
  before: Member | undefined,
  updated: Member,
  owned: readonly TopicPartitions[] | null,
  facts: MemberFacts,
): { readonly group: ConsumerGroup; readonly member: Member } {
  const subscriptionChanged = hasOtherSubscription(before, updated);
  let next = takeInTopics(withMember(group, updated), subscriptionChanged, facts);
  next = computeTargets(next, facts.config.assignors);
  const current = next.body.byId.get(updated.memberId)!;
  const reconciled = reconcileIn(next, current, subscriptionChanged, owned, facts.now);
  return { group: withMember(next, reconciled), member: reconciled };
}

function hasOtherSubscription(before: Member | undefined, updated: Member): boolean {
  if (updated.topicPattern !== (before?.topicPattern ?? '')) return true;
  const names = before?.topicNames ?? [];
  return names.length !== updated.topicNames.length || names.some((name, i) => name !== updated.topicNames[i]);
}

/**
 * Refreshes the group's topics from `facts.look`. Bumps the group epoch if they changed or if
 * `bump` is set.
 */
export function takeInTopics(group: ConsumerGroup, bump: boolean, facts: MemberFacts): ConsumerGroup {
  if (!bump && facts.isTakenIn && group.groupEpoch > 0) return group;
  const body = refreshTopics(group.body, facts.look, facts.matches);
  if (!bump && group.groupEpoch > 0 && body === group.body) return group;
  return { ...group, groupEpoch: group.groupEpoch + 1, body };
}

function reconcileIn(
  group: ConsumerGroup,
  member: Member,
  subscriptionChanged: boolean,
  owned: readonly TopicPartitions[] | null,
  now: StoreTime,
): Member {
  if (!subscriptionChanged && isReconciled(member, group.assignmentEpoch)) return member;
  const { topicsByName, owners } = group.body;
  const subscribed = new Set<string>();
  for (const name of subscribedNames(member, group.body.patterns)) {
    const topic = topicsByName.get(name);
    if (topic !== undefined) subscribed.add(topic.topicId);
  }
  const next = reconcile(member, {
    assignmentEpoch: group.assignmentEpoch,
    subscribed,
    subscriptionChanged,
    ownerOf: (topicId, partition) => owners.get(topicId)?.get(partition),
    owned,
  });
  if (next === member || next.classic !== undefined) return next;
  const { revokeBy: _, ...rest } = next;
  return next.state === 'unrevoked' ? { ...rest, revokeBy: nextRequestBy(now, next.rebalanceTimeoutMs) } : rest;
}

/**
 * Whether another member still holds a partition of the member's target
 * (ConsumerGroup.waitingOnUnreleasedPartition).
 */
export function waitsForOthers(group: ConsumerGroup, member: Member): boolean {
  const { owners } = group.body;
  return (
    member.state === 'unreleased' &&
    member.target.some(({ topicId, partitions }) =>
      partitions.some((partition) => {
        const owner = owners.get(topicId)?.get(partition);
        return owner !== undefined && owner !== member.memberId;
      }),
    )
  );
}

/** Gives a static member a new member id. The replacement inherits its partitions and target. */
export function replaceStatic(
  group: ConsumerGroup,
  member: Member,
  memberId: string,
  now: StoreTime,
): { readonly group: ConsumerGroup; readonly member: Member } {
  // The replacement has no lease yet. Its session starts now, not at its predecessor's join.
  const heir: Member = { ...member, memberId, joinedAt: now, memberEpoch: 0, previousMemberEpoch: 0 };
  const members = group.body.members
    .filter((other) => other.memberId !== memberId)
    .map((other) => (other === member ? heir : other));
  const replacedAt = Math.max(now, (group.replacedAt ?? 0) + 1);
  return { group: { ...withMembers(group, members), replacedAt }, member: heir };
}

/**
 * Removes these members and bumps the group epoch. Their partitions are free at once. Returns the
 * same group if none of them is a member.
 */
export function removeMembers(group: ConsumerGroup, memberIds: ReadonlySet<string>, now: StoreTime): ConsumerGroup {
  const members = group.body.members.filter(({ memberId }) => !memberIds.has(memberId));
  if (members.length === group.body.members.length) return group;
  const wanted = new Set(members.map(({ topicPattern }) => topicPattern));
  const patterns = group.body.patterns.filter(({ pattern }) => wanted.has(pattern));
  const rest = withMembers({ ...group, body: group.body.with({ patterns }) }, members);
  const next = { ...rest, groupEpoch: group.groupEpoch + 1 };
  return members.length === 0 ? { ...next, emptySince: now } : next;
}

/** Whether the member's assignment differs from what it was last sent. */
export function wasToldOtherwise(before: Member | undefined, after: Member): boolean {
  return !sameAssignment(before?.assigned ?? [], after.assigned);
}
