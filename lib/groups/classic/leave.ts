import type { ErrorName } from '../../core/errors.ts';
import type { StepContext, StepResult } from '../step.ts';
import { afterRemoval, removeMembers } from './rebalance.ts';
import type { LeaveReply, LeaveRequest, MemberIdentity } from './requests.ts';
import { type ClassicGroup, memberProblem, staticMember } from './state.ts';

/**
 * LeaveGroup to a classic group (classicGroupLeave). All valid members of the request leave
 * together, and the group rebalances once.
 */
export function leaveClassic(
  group: ClassicGroup,
  request: LeaveRequest,
  { now, config }: StepContext,
): StepResult<LeaveReply> {
  let left = group;
  const reply = request.members.map((identity) => {
    const found = findLeaving(left, identity);
    if (found.error === 'NONE') left = removeMembers(left, [found.memberId]);
    return { ...identity, error: found.error };
  });
  return { kind: 'reply', group: left === group ? group : afterRemoval(left, now, config.classic), reply };
}

function findLeaving(
  group: ClassicGroup,
  { memberId, instanceId }: MemberIdentity,
): MemberIdentity & { error: ErrorName } {
  if (memberId === '') {
    const member = instanceId === null ? undefined : staticMember(group, instanceId);
    return { memberId: member?.memberId ?? '', instanceId, error: member === undefined ? 'UNKNOWN_MEMBER_ID' : 'NONE' };
  }
  if (group.pendingJoin.has(memberId)) return { memberId, instanceId, error: 'NONE' };
  return { memberId, instanceId, error: memberProblem(group, memberId, instanceId) ?? 'NONE' };
}
