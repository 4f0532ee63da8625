import type { ErrorName } from '../../core/errors.ts';
import type { CommitKind, Fence, MemberClaim } from '../../offsets/environment.ts';
import type { StoreTime } from '../../storage/ports.ts';
import { CONSUMER_PROTOCOL_TYPE } from '../classic/state.ts';
import { fenceMembers } from '../migration.ts';
import type { GroupProtocol, OffsetFacts } from '../protocol.ts';
import { decodeConsumerGroup, encodeConsumerBody, encodeConsumerHead } from './codec.ts';
import { isReconciled } from './reconcile.ts';
import type { ConsumerGroup, Member } from './state.ts';

/** The first version of OffsetCommit and OffsetFetch with member epochs. */
const MEMBER_EPOCH_VERSION = 9;

/** The KIP-848 implementation of GroupProtocol. */
export const consumerProtocol: GroupProtocol<ConsumerGroup> = {
  type: 'consumer',
  summary: (group) => ({
    state: stateOf(group),
    protocolType: CONSUMER_PROTOCOL_TYPE,
    generation: group.groupEpoch,
    ...(group.emptySince === undefined ? {} : { emptySince: group.emptySince }),
  }),
  *sessions(group) {
    for (const { memberId, sessionTimeoutMs, joinedAt } of group.body.members) {
      yield { memberId, timeoutMs: sessionTimeoutMs, seenAt: joinedAt };
    }
  },
  dueAt(group) {
    let due: StoreTime | undefined;
    for (const member of group.body.members) {
      const by = deadlineOf(member);
      if (by !== undefined && (due === undefined || by < due)) due = by;
    }
    return due;
  },
  advance(group, expired, { now, config }) {
    const late = group.body.members.filter((member) => {
      const by = deadlineOf(member);
      return by !== undefined && by <= now;
    });
    const gone = new Set([...expired, ...late.map(({ memberId }) => memberId)]);
    return gone.size === 0 ? group : fenceMembers(group, gone, config, now);
  },
  checkCommit,
  checkFetch,
  checkDelete: (group) => (group.body.members.length === 0 ? undefined : 'NON_EMPTY_GROUP'),
  isSubscribedTo: (group, topic) => group.body.subscribedNames.has(topic),
  offsetFacts,
  topicsOf: (group) => group.body.topicsByName,
  bodyOf: (group) => group.body,
  encodeHead: encodeConsumerHead,
  encodeBody: encodeConsumerBody,
  decode: decodeConsumerGroup,
};

/** The member's earliest deadline: to give up partitions, to rejoin, or to sync. */
function deadlineOf({ revokeBy, classic }: Member): StoreTime | undefined {
  const deadlines = [revokeBy, classic?.joinBy, classic?.syncBy].filter((by) => by !== undefined);
  return deadlines.length === 0 ? undefined : Math.min(...deadlines);
}

/** Kafka's name of the group's state (ConsumerGroup.maybeUpdateGroupState). */
export function stateOf(group: ConsumerGroup): 'Empty' | 'Assigning' | 'Reconciling' | 'Stable' {
  const { members } = group.body;
  if (members.length === 0) return 'Empty';
  if (group.groupEpoch > group.assignmentEpoch) return 'Assigning';
  return members.every((member) => isReconciled(member, group.assignmentEpoch)) ? 'Stable' : 'Reconciling';
}

/** ConsumerGroup.validateOffsetCommit */
function checkCommit(group: ConsumerGroup, claim: MemberClaim, kind: CommitKind): ErrorName | undefined {
  const { memberId, instanceId, generationOrEpoch } = claim;
  if (generationOrEpoch < 0 && group.body.members.length === 0) return undefined;
  // Older transactional producers do not send their membership.
  if (kind.transactional && generationOrEpoch < 0 && memberId === '' && instanceId === null) return undefined;
  const member = group.body.byId.get(memberId);
  if (member === undefined) return 'UNKNOWN_MEMBER_ID';
  if (!kind.transactional && member.classic === undefined && kind.apiVersion < MEMBER_EPOCH_VERSION) {
    return 'UNSUPPORTED_VERSION';
  }
  return epochProblem(member, generationOrEpoch);
}

/** ConsumerGroup.validateOffsetFetch */
function checkFetch(group: ConsumerGroup, { memberId, generationOrEpoch }: MemberClaim): ErrorName | undefined {
  if (memberId === '' && generationOrEpoch < 0) return undefined;
  const member = group.body.byId.get(memberId);
  return member === undefined ? 'UNKNOWN_MEMBER_ID' : epochProblem(member, generationOrEpoch);
}

function epochProblem(member: Member, epoch: number): ErrorName | undefined {
  if (epoch === member.memberEpoch) return undefined;
  return member.classic === undefined ? 'STALE_MEMBER_EPOCH' : 'ILLEGAL_GENERATION';
}

/**
 * Kafka's ConsumerGroup.offsetExpirationCondition counts the retention from the commit, even for a
 * group that has just lost its members. Here it counts from the loss, as for classic groups,
 * because a commit without a change is not written.
 */
function offsetFacts(group: ConsumerGroup, claim: MemberClaim): OffsetFacts {
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
