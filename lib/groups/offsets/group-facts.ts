import { CONSUMER_PROTOCOL_TYPE } from '../classic/protocol.ts';
import { type ClassicGroup, isClassic } from '../classic/state.ts';
import type { ConsumerGroup } from '../consumer/state.ts';
import type { Groups, OffsetCheck } from '../environment.ts';
import type { Group, MemberClaim } from '../group.ts';
import { protocolOf } from '../protocols.ts';
import type { CheckedClaim, ExpiryRule, Fence, GroupFacts, OffsetGroups } from './environment.ts';

/** What offsets need of the groups, from the coordinator's answers. */
export function offsetGroups(groups: Pick<Groups, 'checkCommit' | 'checkFetch'>): OffsetGroups {
  return {
    async checkCommit(groupId, claim, kind, context) {
      const checked = checkedClaim(await groups.checkCommit(groupId, claim, kind, context), claim);
      // A commit that may be made has a group: the check has made one if need be.
      return checked.kind === 'absent' ? { kind: 'refused', error: 'COORDINATOR_NOT_AVAILABLE' } : checked;
    },
    async checkFetch(groupId, claim, context) {
      return checkedClaim(await groups.checkFetch(groupId, claim, context), claim);
    },
    async find(groupId, context) {
      const checked = checkedClaim(await groups.checkFetch(groupId, NOBODY, context), NOBODY);
      return checked.kind === 'ok' ? { kind: 'found', facts: checked.facts } : checked;
    },
  };
}

/** Somebody who is not a member. */
export const NOBODY: MemberClaim = { memberId: '', instanceId: null, generationOrEpoch: -1 };

function checkedClaim(check: OffsetCheck, claim: MemberClaim): CheckedClaim | { readonly kind: 'absent' } {
  if (check.kind === 'refused') return check;
  const { group, since } = check;
  if (group === undefined || since === undefined) return { kind: 'absent' };
  return { kind: 'ok', facts: factsOf(group, since, claim) };
}

/** The facts of a group for somebody who claims to be its member, or nobody. */
export function factsOf(group: Group, since: number, claim: MemberClaim): GroupFacts {
  const isSubscribedTo = (topic: string) => protocolOf(group).isSubscribedTo(group, topic);
  const byType = isClassic(group) ? classicFacts(group) : consumerFacts(group as ConsumerGroup, claim);
  return { since, isSubscribedTo, ...byType };
}

type FactsByType = Omit<GroupFacts, 'since' | 'isSubscribedTo'>;

function classicFacts(group: ClassicGroup): FactsByType {
  const isEmpty = group.state === 'Empty';
  const usesConsumers = group.protocolType === CONSUMER_PROTOCOL_TYPE;
  return {
    staleError: 'ILLEGAL_GENERATION',
    expiry: classicExpiry(group),
    fence: isEmpty ? { kind: 'none' } : { kind: 'group', generation: group.generation, replacedAt: group.replacedAt },
    deleteProblem: isEmpty || usesConsumers ? undefined : 'NON_EMPTY_GROUP',
  };
}

/** ClassicGroup.offsetExpirationCondition */
function classicExpiry(group: ClassicGroup): ExpiryRule {
  if (group.protocolType === undefined) return { kind: 'sinceCommit' };
  if (group.state === 'Empty') return { kind: 'sinceEmpty', emptySince: group.stateSince };
  const tellsTopics = group.state === 'Stable' && group.protocolType === CONSUMER_PROTOCOL_TYPE;
  return { kind: tellsTopics ? 'sinceCommit' : 'never' };
}

/**
 * ConsumerGroup.offsetExpirationCondition counts from the commit also for a group that has just lost its members; here it counts
 * from then, as for classic groups, since commits without a change are not written.
 */
function consumerFacts(group: ConsumerGroup, claim: MemberClaim): FactsByType {
  const { members } = group.body;
  const { emptySince } = group;
  return {
    staleError: members.some(({ memberId, classic }) => memberId === claim.memberId && classic !== undefined)
      ? 'ILLEGAL_GENERATION'
      : 'STALE_MEMBER_EPOCH',
    expiry: emptySince === undefined ? { kind: 'sinceCommit' } : { kind: 'sinceEmpty', emptySince },
    fence: members.length === 0 ? { kind: 'none' } : ownersFence(group),
  };
}

function ownersFence({ body: { members }, replacedAt }: ConsumerGroup): Fence {
  return {
    kind: 'partition',
    replacedAt,
    epochOf: (topicId, partition) =>
      members.find(({ assigned }) =>
        assigned.some((topic) => topic.topicId === topicId && topic.partitions.includes(partition)),
      )?.memberEpoch,
  };
}
