import type { Group } from '../group.ts';
import type { Step, StepContext, StepResult } from '../step.ts';
import {
  maybeCompleteJoin,
  prepareRebalance,
  putMember,
  rebalanceOrCompleteJoin,
  removeMembers,
  replaceStaticMember,
} from './rebalance.ts';
import { type JoinReply, type JoinRequest, joinRefused } from './requests.ts';
import {
  type ClassicGroup,
  type ClassicMember,
  emptyClassicGroup,
  isClassic,
  memberProblem,
  metadataOf,
  sameProtocols,
  selectProtocol,
  staticMember,
  supportsProtocols,
} from './state.ts';

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

/**
 * JoinGroup to a classic group (GroupMetadataManager.classicGroupJoin): the member joins, then waits for the others.
 * `existing` is undefined for a group that the first member's join creates.
 */
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

/**
 * A static member that comes back without its member id takes the place of its former self, which is fenced from then on
 * (GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin). A stable group stays so unless another protocol
 * would be chosen: the member gets its former assignment, and a leader that can be told so (version 9, KIP-814) skips
 * assigning; an older one is told of its former id as leader, so that it does not assign either.
 */
export function replaceAndJoin(
  group: ClassicGroup,
  old: ClassicMember,
  member: ClassicMember,
  request: JoinRequest,
  context: StepContext,
): StepResult<JoinReply> {
  const { now } = context;
  const { memberId, instanceId } = member;
  // Kafka keeps the client id and host of the former member.
  const kept = { ...member, clientId: old.clientId, clientHost: old.clientHost };
  const replaced = replaceStaticMember(group, old.memberId, memberId, now);
  const updated = putMember(replaced, kept, request.protocolType);
  const wait = (after: ClassicGroup) => waitForJoin(after, memberId, instanceId, group.generation);
  switch (group.state) {
    case 'Stable': {
      if (selectProtocol(updated.roster.members.values()) !== group.protocolName) {
        return wait(prepareRebalance(updated, now, context.config.classic));
      }
      const stable = { ...updated, joined: group.joined };
      const reply = joinReply(stable, memberId, stable.leader === memberId);
      if (request.supportsSkippingAssignment) return { kind: 'reply', group: stable, reply, alive: memberId };
      const former = { ...reply, leader: group.leader ?? '', skipAssignment: false, members: [] };
      return { kind: 'reply', group: stable, reply: former, alive: memberId };
    }
    case 'CompletingRebalance':
      // The leader may assign to the former id, so that the new one would get nothing.
      return wait(prepareRebalance(updated, now, context.config.classic));
    case 'PreparingRebalance':
    case 'Empty':
      return wait(maybeCompleteJoin(updated, now));
  }
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
function waitForJoin(
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
