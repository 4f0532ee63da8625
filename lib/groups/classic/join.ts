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

/** The reply to a join, for the group's current generation. Only the leader gets the members. */
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
 * JoinGroup to a classic group (GroupMetadataManager.classicGroupJoin). The member joins, then
 * waits for the other members. `existing` is undefined if this join creates the group.
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
 * A static member joins without its member id: it gets a new id and replaces its previous
 * incarnation, which is fenced
 * (GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin). A stable group stays stable
 * unless the protocol choice changes. The member then gets its previous assignment. A leader with
 * request version 9 or later gets skipAssignment (KIP-814). With an older version it gets its
 * previous id as the leader's, so that it does not assign either.
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
  // As in Kafka, the client id and host of the previous incarnation remain.
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
      // The leader may assign partitions to the previous id, and the new id would get none.
      return wait(prepareRebalance(updated, now, context.config.classic));
    case 'PreparingRebalance':
    case 'Empty':
      return wait(maybeCompleteJoin(updated, now));
  }
}

/** classicGroupJoinExistingMember */
function joinExisting(group: ClassicGroup, request: JoinRequest, context: StepContext): StepResult<JoinReply> {
  const { memberId, instanceId } = request;
  // A static member never gets an id before its join.
  if (group.pendingJoin.has(memberId) && instanceId === null) {
    return addAndWait(group, newMember(memberId, request, context), request, context);
  }
  const problem = memberProblem(group, memberId, instanceId);
  if (problem !== undefined || group.state === 'Empty') {
    return { kind: 'reply', group, reply: joinRefused(memberId, problem ?? 'UNKNOWN_MEMBER_ID') };
  }
  const member = group.roster.members.get(memberId)!;
  const asBefore = sameProtocols(member.protocols, request.protocols);
  // A join by the leader of a stable group requests a rebalance, for example because topics
  // changed.
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

/**
 * Waits for the generation after `generation`. Replies at once if this join has already begun it.
 */
function waitForJoin(
  group: ClassicGroup,
  memberId: string,
  instanceId: string | null,
  generation: number,
): StepResult<JoinReply> {
  return awaitJoin(memberId, instanceId, generation).decide(group);
}

/**
 * Continues a join that was sent away (StepResult.again). Its member, which does not know its id
 * yet, is not added a second time. Undefined for a malformed token.
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
        // As in Kafka, a fenced member gets its own id, and a removed member an empty id to start
        // anew.
        const told = problem === 'FENCED_INSTANCE_ID' ? memberId : '';
        return { kind: 'reply', group, reply: joinRefused(told, problem) };
      }
      // Applies even if the next rebalance has begun since: the member's sync then gets
      // REBALANCE_IN_PROGRESS, as after any slow reply.
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

/** The same object if nothing changed, so that the group's body is not written again. */
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

/** Whether the group has room for the member (GroupMetadataManager.acceptJoiningMember). */
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
