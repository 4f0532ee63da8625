import type { ErrorName } from '../../core/errors.ts';
import type { Step } from '../step.ts';
import { heartbeatOther } from './other-type.ts';
import { isClassic, memberProblem } from './state.ts';

export interface HeartbeatRequest {
  readonly memberId: string;
  readonly instanceId: string | null;
  readonly generation: number;
}

/** NONE, or why not: REBALANCE_IN_PROGRESS tells a member that is fine to join again. */
export type HeartbeatReply = ErrorName;

/** Heartbeat as a step (classicGroupHeartbeat). */
export function heartbeatStep(request: HeartbeatRequest): Step<HeartbeatReply> {
  const { memberId, instanceId, generation } = request;
  return {
    tooLarge: 'UNKNOWN_SERVER_ERROR',
    decide(group, context) {
      if (group === undefined) return { kind: 'reply', group, reply: 'UNKNOWN_MEMBER_ID' };
      if (!isClassic(group)) return heartbeatOther(group, request, context);
      const problem = memberProblem(group, memberId, instanceId);
      if (problem !== undefined) return { kind: 'reply', group, reply: problem };
      if (generation !== group.generation) return { kind: 'reply', group, reply: 'ILLEGAL_GENERATION' };
      const reply = group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
      return { kind: 'reply', group, reply, alive: memberId };
    },
  };
}
