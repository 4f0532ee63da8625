import type { ErrorName } from '../../core/errors.ts';
import type { Group } from '../group.ts';
import type { Step, StepContext, StepResult } from '../step.ts';
import { joinNeeds, joinOther } from './other-type.ts';
import { maybeCompleteJoin, putMember, rebalanceOrCompleteJoin, removeMembers } from './rebalance.ts';
import {
  type ClassicGroup,
  type ClassicMember,
  emptyClassicGroup,
  isClassic,
  type MemberProtocol,
  memberProblem,
  metadataOf,
  sameProtocols,
  staticMember,
  supportsProtocols,
} from './state.ts';
import { replaceAndJoin } from './static-join.ts';

/** JoinGroup, whatever its version. */
export interface JoinRequest {
  /** Empty for a member that has no id yet. */
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly protocolType: string;
  readonly protocols: readonly MemberProtocol[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly clientId: string;
  readonly clientHost: string;
  /** From version 4 on a new dynamic member is given an id first, and joins with it (KIP-394). */
  readonly requiresKnownMemberId: boolean;
  /** From version 9 on the leader can be told that the assignment stands (KIP-814). */
  readonly supportsSkippingAssignment: boolean;
}

export interface JoinReply {
  readonly error: ErrorName;
  readonly memberId: string;
  readonly generation: number;
  readonly protocolType: string | null;
  readonly protocolName: string | null;
  readonly leader: string;
  readonly skipAssignment: boolean;
  /** For the leader only. */
  readonly members: readonly JoinedMember[];
}

export interface JoinedMember {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly metadata: Buffer;
}

/** The answer to a join that was refused. */
export function joinRefused(memberId: string, error: ErrorName): JoinReply {
  return {
    error,
    memberId,
    generation: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    members: [],
  };
}

/** The answer to a join with the group's present generation; the members are for the leader's eyes. */
export function joinReply(group: ClassicGroup, memberId: string, skipAssignment = false): JoinReply {
  const isLeader = group.leader === memberId;
  return {
    error: 'NONE',
    memberId,
    generation: group.generation,
    protocolType: group.protocolType ?? null,
    protocolName: group.protocolName ?? null,
    leader: group.leader ?? '',
    skipAssignment,
    members: isLeader
      ? [...group.roster.members.values()].map((member) => ({
          memberId: member.memberId,
          instanceId: member.instanceId,
          metadata: metadataOf(member, group.protocolName),
        }))
      : [],
  };
}

/** JoinGroup as a step (GroupMetadataManager.classicGroupJoin): joins, then waits for the others. */
export function joinStep(request: JoinRequest): Step<JoinReply> {
  return {
    tooLarge: joinRefused('', 'GROUP_MAX_SIZE_REACHED'),
    needs(group) {
      if (group === undefined) return {};
      return isClassic(group) ? { expiredOffsetsGone: group.state === 'Empty' } : joinNeeds(group, request);
    },
    decide(group, context) {
      if (group !== undefined && !isClassic(group)) return joinOther(group, request, context);
      return joinClassic(group, request, context);
    },
  };
}

/** A join to a classic group; undefined stands for a group that is made by the first member's join. */
export function joinClassic(
  existing: ClassicGroup | undefined,
  request: JoinRequest,
  context: StepContext,
): StepResult<JoinReply> {
  const { memberId } = request;
  if (existing === undefined && memberId !== '') {
    return { kind: 'reply', group: existing, reply: joinRefused(memberId, 'UNKNOWN_MEMBER_ID') };
  }
  const group = existing ?? emptyClassicGroup(context.now);
  if (!acceptsJoining(group, memberId, context.config.classic.maxSize)) {
    const without = maybeCompleteJoin(removeMembers(group, [memberId]), context.now);
    return { kind: 'reply', group: without, reply: joinRefused('', 'GROUP_MAX_SIZE_REACHED') };
  }
  if (!supportsProtocols(group, request.protocolType, request.protocols)) {
    return { kind: 'reply', group: existing, reply: joinRefused(memberId, 'INCONSISTENT_GROUP_PROTOCOL') };
  }
  return memberId === '' ? joinNew(group, request, context) : joinExisting(group, request, context);
}

/** classicGroupJoinNewMember */
function joinNew(group: ClassicGroup, request: JoinRequest, context: StepContext): StepResult<JoinReply> {
  const { instanceId } = request;
  const memberId = context.newMemberId(instanceId ?? request.clientId);
  if (instanceId !== null) {
    const old = staticMember(group, instanceId);
    if (old !== undefined) return replaceAndJoin(group, old, newMember(memberId, request, context), request, context);
  } else if (request.requiresKnownMemberId) {
    const pendingJoin = new Map(group.pendingJoin).set(memberId, context.now + request.sessionTimeoutMs);
    const expecting: ClassicGroup = { ...group, pendingJoin };
    return { kind: 'reply', group: expecting, reply: joinRefused(memberId, 'MEMBER_ID_REQUIRED') };
  }
  return addAndWait(group, newMember(memberId, request, context), request, context);
}

/** classicGroupJoinExistingMember */
function joinExisting(group: ClassicGroup, request: JoinRequest, context: StepContext): StepResult<JoinReply> {
  const { memberId, instanceId } = request;
  // A static member is never given an id ahead of its join.
  if (group.pendingJoin.has(memberId) && instanceId === null) {
    return addAndWait(group, newMember(memberId, request, context), request, context);
  }
  const problem = memberProblem(group, memberId, instanceId);
  if (problem !== undefined || group.state === 'Empty') {
    return { kind: 'reply', group, reply: joinRefused(memberId, problem ?? 'UNKNOWN_MEMBER_ID') };
  }
  const member = group.roster.members.get(memberId)!;
  const asBefore = sameProtocols(member.protocols, request.protocols);
  // A leader that joins a stable group wants a rebalance: the topics may have changed.
  const missedItsAnswer =
    group.state === 'CompletingRebalance' || (group.state === 'Stable' && group.leader !== memberId);
  if (asBefore && missedItsAnswer) {
    return { kind: 'reply', group, reply: joinReply(group, memberId), alive: memberId };
  }
  return addAndWait(group, updatedMember(member, request, asBefore, context), request, context);
}

function addAndWait(
  group: ClassicGroup,
  member: ClassicMember,
  request: JoinRequest,
  context: StepContext,
): StepResult<JoinReply> {
  const { memberId } = member;
  const added = putMember(group, member, request.protocolType);
  const after = rebalanceOrCompleteJoin(added, context.now, context.config.classic);
  return waitForJoin(after, memberId, request.instanceId, group.generation);
}

/** Waits until the generation after `generation` has begun, if this very join has not made it begin. */
export function waitForJoin(
  group: ClassicGroup,
  memberId: string,
  instanceId: string | null,
  generation: number,
): StepResult<JoinReply> {
  return awaitJoin(memberId, instanceId, generation).decide(group);
}

/**
 * Goes on with a join that was sent away (StepResult.again): no second member comes of a member that has not been told its id
 * yet. Undefined for a token that is none.
 */
export function resumeJoin(token: string, instanceId: string | null): Step<JoinReply> | undefined {
  const [, generation, memberId] = /^(\d{1,10})\/(.+)$/s.exec(token) ?? [];
  return generation === undefined ? undefined : awaitJoin(memberId!, instanceId, Number(generation));
}

interface WaitingStep<Reply> extends Step<Reply> {
  decide(group: Group | undefined): StepResult<Reply>;
}

function awaitJoin(memberId: string, instanceId: string | null, generation: number): WaitingStep<JoinReply> {
  const step: WaitingStep<JoinReply> = {
    tooLarge: joinRefused('', 'GROUP_MAX_SIZE_REACHED'),
    decide(group) {
      if (group === undefined) return { kind: 'reply', group, reply: joinRefused('', 'UNKNOWN_MEMBER_ID') };
      // The group was upgraded (GroupMetadataManager.convertToConsumerGroup).
      if (!isClassic(group)) return { kind: 'reply', group, reply: joinRefused(memberId, 'REBALANCE_IN_PROGRESS') };
      const problem = memberProblem(group, memberId, instanceId);
      if (problem !== undefined) {
        // Kafka tells a fenced member its own id, a removed one to begin anew.
        const told = problem === 'FENCED_INSTANCE_ID' ? memberId : '';
        return { kind: 'reply', group, reply: joinRefused(told, problem) };
      }
      // Also where the next rebalance has begun meanwhile: the sync will say so, as to a member whose answer was slow.
      if (group.generation > generation) {
        return { kind: 'reply', group, reply: joinReply(group, memberId), alive: memberId };
      }
      return { kind: 'wait', group, next: step, alive: memberId, again: `${generation}/${memberId}` };
    },
  };
  return step;
}

function newMember(memberId: string, request: JoinRequest, context: StepContext): ClassicMember {
  return {
    memberId,
    instanceId: request.instanceId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    protocols: request.protocols,
    seenAt: context.now,
  };
}

/** The same object where nothing changed, so that the group's body need not be written again. */
function updatedMember(
  member: ClassicMember,
  request: JoinRequest,
  sameMetadata: boolean,
  context: StepContext,
): ClassicMember {
  const { protocols, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const sameTimes = member.sessionTimeoutMs === sessionTimeoutMs && member.rebalanceTimeoutMs === rebalanceTimeoutMs;
  if (sameMetadata && sameTimes) return member;
  return { ...member, protocols, sessionTimeoutMs, rebalanceTimeoutMs, seenAt: context.now };
}

/** Whether there is room (GroupMetadataManager.acceptJoiningMember). */
function acceptsJoining(group: ClassicGroup, memberId: string, maxSize: number): boolean {
  switch (group.state) {
    case 'Empty':
      return true;
    case 'PreparingRebalance':
      return group.joined.has(memberId) || group.joined.size < maxSize;
    case 'CompletingRebalance':
    case 'Stable':
      return group.roster.members.has(memberId) || group.roster.members.size < maxSize;
  }
}
