import type { StepResult } from '../step.ts';
import type { HeartbeatReply, HeartbeatRequest } from './requests.ts';
import { type ClassicGroup, memberProblem } from './state.ts';

/** Heartbeat to a classic group (classicGroupHeartbeat). */
export function heartbeatClassic(group: ClassicGroup, request: HeartbeatRequest): StepResult<HeartbeatReply> {
  const { memberId, instanceId, generation } = request;
  const problem = memberProblem(group, memberId, instanceId);
  if (problem !== undefined) return { kind: 'reply', group, reply: problem };
  if (generation !== group.generation) return { kind: 'reply', group, reply: 'ILLEGAL_GENERATION' };
  const reply = group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : 'NONE';
  return { kind: 'reply', group, reply, alive: memberId };
}
