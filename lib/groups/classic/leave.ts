import type { ErrorName } from '../../core/errors.ts';
import type { Step } from '../step.ts';
import { leaveOther } from './other-type.ts';
import { afterRemoval, removeMembers } from './rebalance.ts';
import { type ClassicGroup, isClassic, memberProblem, staticMember } from './state.ts';

/** Who leaves: a member by its id, or a static one by its group.instance.id alone, as an administrator removes it. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly instanceId: string | null;
}

export interface LeaveRequest {
  readonly members: readonly MemberIdentity[];
}

/** One answer per member, in the order of the request. */
export type LeaveReply = readonly (MemberIdentity & { readonly error: ErrorName })[];

/** LeaveGroup as a step (classicGroupLeave): all that may leave do so together, then the group rebalances once. */
export function leaveStep(request: LeaveRequest): Step<LeaveReply> {
  const all = (error: ErrorName): LeaveReply => request.members.map((one) => ({ ...one, error }));
  return {
    tooLarge: all('UNKNOWN_SERVER_ERROR'),
    decide(group, context) {
      if (group === undefined) return { kind: 'reply', group, reply: all('UNKNOWN_MEMBER_ID') };
      if (!isClassic(group)) return leaveOther(group, request, context);
      let left = group;
      const reply = request.members.map((identity) => {
        const found = findLeaving(left, identity);
        if (found.error === 'NONE') left = removeMembers(left, [found.memberId]);
        return { ...identity, error: found.error };
      });
      return {
        kind: 'reply',
        group: left === group ? group : afterRemoval(left, context.now, context.config.classic),
        reply,
      };
    },
  };
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
