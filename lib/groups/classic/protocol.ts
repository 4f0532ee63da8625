import type { ErrorName } from '../../core/errors.ts';
import type { CommitKind, ExpiryRule, MemberClaim } from '../../offsets/environment.ts';
import type { GroupProtocol, OffsetFacts } from '../protocol.ts';
import { decodeClassic, encodeClassicBody, encodeClassicHead } from './codec.ts';
import { advanceClassic, classicDueAt } from './rebalance.ts';
import { type ClassicGroup, CONSUMER_PROTOCOL_TYPE, memberProblem } from './state.ts';

/** The classic implementation of GroupProtocol. */
export const classicProtocol: GroupProtocol<ClassicGroup> = {
  type: 'classic',
  summary: (group) => ({
    state: group.state,
    protocolType: group.protocolType ?? '',
    generation: group.generation,
    ...(group.state === 'Empty' ? { emptySince: group.stateSince } : {}),
  }),
  *sessions(group) {
    for (const { memberId, sessionTimeoutMs, seenAt } of group.roster.members.values()) {
      yield { memberId, timeoutMs: sessionTimeoutMs, seenAt };
    }
  },
  dueAt: classicDueAt,
  advance: (group, expired, { now, config }) => advanceClassic(group, expired, now, config.classic),
  checkCommit,
  checkFetch: () => undefined,
  checkDelete: (group) => (group.state === 'Empty' ? undefined : 'NON_EMPTY_GROUP'),
  isSubscribedTo(group, topic) {
    if (group.protocolType !== CONSUMER_PROTOCOL_TYPE) return false;
    return subscribedTopics(group)?.has(topic) ?? true;
  },
  offsetFacts,
  bodyOf: (group) => group.roster,
  encodeHead: encodeClassicHead,
  encodeBody: encodeClassicBody,
  decode: decodeClassic,
};

/** ClassicGroup.validateOffsetCommit */
function checkCommit(group: ClassicGroup, claim: MemberClaim, kind: CommitKind): ErrorName | undefined {
  const { memberId, instanceId, generationOrEpoch } = claim;
  if (generationOrEpoch < 0 && group.state === 'Empty') return undefined;
  if (generationOrEpoch >= 0 || memberId !== '' || instanceId !== null) {
    const problem = memberProblem(group, memberId, instanceId);
    if (problem !== undefined) return problem;
    if (generationOrEpoch !== group.generation) return 'ILLEGAL_GENERATION';
  } else if (!kind.transactional && group.state !== 'Empty') {
    return 'UNKNOWN_MEMBER_ID';
  }
  // The client knows its generation, but must rejoin before it can commit.
  return !kind.transactional && group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined;
}

function offsetFacts(group: ClassicGroup): OffsetFacts {
  const isEmpty = group.state === 'Empty';
  const usesConsumers = group.protocolType === CONSUMER_PROTOCOL_TYPE;
  return {
    staleError: 'ILLEGAL_GENERATION',
    expiry: offsetExpiry(group),
    fence: isEmpty ? { kind: 'none' } : { kind: 'group', generation: group.generation, replacedAt: group.replacedAt },
    deleteProblem: isEmpty || usesConsumers ? undefined : 'NON_EMPTY_GROUP',
  };
}

/** ClassicGroup.offsetExpirationCondition */
function offsetExpiry(group: ClassicGroup): ExpiryRule {
  if (group.protocolType === undefined) return { kind: 'sinceCommit' };
  if (group.state === 'Empty') return { kind: 'sinceEmpty', emptySince: group.stateSince };
  const tellsTopics = group.state === 'Stable' && group.protocolType === CONSUMER_PROTOCOL_TYPE;
  return { kind: tellsTopics ? 'sinceCommit' : 'never' };
}

/** Undefined if the members' metadata does not name them. */
function subscribedTopics({ roster, protocolName }: ClassicGroup): ReadonlySet<string> | undefined {
  if (roster.members.size === 0) return new Set();
  return protocolName === undefined ? undefined : roster.subscribedTopics(protocolName);
}
