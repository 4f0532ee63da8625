import type { Uuid } from '../../core/uuid.ts';
import { type Assignment, NO_PARTITIONS, type TopicPartitions } from '../assignors/assignor.ts';
import { overlap, partitionsOf, sameAssignment, toAssignment } from './partitions.ts';
import type { Member } from './state.ts';

/** The inputs of `reconcile` besides the member. */
export interface ReconcileFacts {
  /** The group epoch for which the targets were computed. */
  readonly assignmentEpoch: number;
  /** The topics to which the member is now subscribed. */
  readonly subscribed: ReadonlySet<Uuid>;
  /**
   * Whether its subscription has just changed. Partitions of unsubscribed topics are then revoked
   * at once.
   */
  readonly subscriptionChanged: boolean;
  /** The member that holds, or may still hold, a partition; undefined for none. */
  readonly ownerOf: (topicId: Uuid, partition: number) => string | undefined;
  /** The partitions that the member reports as its own; null if it does not report them. */
  readonly owned: readonly TopicPartitions[] | null;
}

/** Whether a member has reached its target at that epoch. */
export function isReconciled(member: Member, assignmentEpoch: number): boolean {
  return member.state === 'stable' && member.memberEpoch === assignmentEpoch;
}

/**
 * Moves a member one step towards its target. It first has to revoke partitions, and keeps its
 * epoch until it has confirmed that. Then it gets the new epoch and all partitions of its target
 * that are free. Returns the same reference if nothing changes. Source: KIP-848, "Member
 * reconciliation", and Kafka's CurrentAssignmentBuilder.
 */
export function reconcile(member: Member, facts: ReconcileFacts): Member {
  if (!facts.subscriptionChanged && isReconciled(member, facts.assignmentEpoch)) return member;
  switch (member.state) {
    case 'stable':
      if (member.memberEpoch !== facts.assignmentEpoch) return towardsTarget(member, facts);
      return withoutUnsubscribed(member, facts);
    case 'unrevoked':
      if (!mayStillHave(facts.owned, member.pendingRevocation)) return towardsTarget(member, facts);
      return facts.subscriptionChanged ? withoutUnsubscribed(member, facts) : member;
    case 'unreleased':
      return towardsTarget(member, facts);
  }
}

/**
 * Whether a member may still own a revoked partition. True if it does not report its partitions.
 */
function mayStillHave(owned: readonly TopicPartitions[] | null, revoked: Assignment): boolean {
  return owned === null || overlap(owned, revoked);
}

function withoutUnsubscribed(member: Member, facts: ReconcileFacts): Member {
  const dropped = member.assigned.filter(({ topicId }) => !facts.subscribed.has(topicId));
  if (dropped.length === 0) return member;
  const assigned = member.assigned.filter(({ topicId }) => facts.subscribed.has(topicId));
  const pendingRevocation = toAssignment([...member.pendingRevocation, ...dropped]);
  if (!mayStillHave(facts.owned, pendingRevocation)) return { ...member, assigned };
  return { ...member, previousMemberEpoch: member.memberEpoch, state: 'unrevoked', assigned, pendingRevocation };
}

function towardsTarget(member: Member, facts: ReconcileFacts): Member {
  const kept: TopicPartitions[] = [];
  const revoked: TopicPartitions[] = [];
  const added: TopicPartitions[] = [];
  let waits = false;
  const topicIds = new Set([...member.target, ...member.assigned].map(({ topicId }) => topicId));
  for (const topicId of topicIds) {
    const target = new Set(facts.subscribed.has(topicId) ? partitionsOf(member.target, topicId) : []);
    const assigned = partitionsOf(member.assigned, topicId);
    kept.push({ topicId, partitions: assigned.filter((partition) => target.has(partition)) });
    revoked.push({ topicId, partitions: assigned.filter((partition) => !target.has(partition)) });
    for (const partition of assigned) target.delete(partition);
    const free = [...target].filter((partition) => {
      const owner = facts.ownerOf(topicId, partition);
      return owner === undefined || owner === member.memberId;
    });
    if (free.length < target.size) waits = true;
    added.push({ topicId, partitions: free });
  }
  const pendingRevocation = toAssignment(revoked);
  if (pendingRevocation.length > 0 && mayStillHave(facts.owned, pendingRevocation)) {
    const assigned = toAssignment(kept);
    return changed(member, { memberEpoch: member.memberEpoch, state: 'unrevoked', assigned, pendingRevocation });
  }
  return changed(member, {
    memberEpoch: facts.assignmentEpoch,
    state: waits ? 'unreleased' : 'stable',
    assigned: toAssignment([...kept, ...added]),
    pendingRevocation: NO_PARTITIONS,
  });
}

type Progress = Pick<Member, 'memberEpoch' | 'state' | 'assigned' | 'pendingRevocation'>;

function changed(member: Member, progress: Progress): Member {
  const same =
    member.memberEpoch === progress.memberEpoch &&
    member.state === progress.state &&
    sameAssignment(member.assigned, progress.assigned) &&
    sameAssignment(member.pendingRevocation, progress.pendingRevocation);
  return same ? member : { ...member, ...progress, previousMemberEpoch: member.memberEpoch };
}
