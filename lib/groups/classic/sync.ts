import type { ErrorName } from '../../core/errors.ts';
import type { Step, StepContext, StepResult } from '../step.ts';
import { assign, synced } from './rebalance.ts';
import { type SyncReply, type SyncRequest, syncRefused } from './requests.ts';
import { type ClassicGroup, isClassic, memberProblem, NO_ASSIGNMENT } from './state.ts';

/**
 * The reply if the assignments are too large to be stored
 * (GroupMetadataManager.appendGroupMetadataErrorToResponseError).
 */
export const SYNC_TOO_LARGE = syncRefused('UNKNOWN_SERVER_ERROR');

/**
 * A sync that is sent away needs no token. The repeated request waits on, or gets the assignment.
 */
const SAME_REQUEST = '';

/**
 * SyncGroup to a classic group (classicGroupSync). The leader's request makes the group stable; the
 * other members wait for it.
 */
export function syncClassic(group: ClassicGroup, request: SyncRequest, { now }: StepContext): StepResult<SyncReply> {
  if (group.state === 'Empty') return refuse(group, 'UNKNOWN_MEMBER_ID');
  const { memberId } = request;
  const problem = syncProblem(group, request);
  if (problem !== undefined) return refuse(group, problem);
  const after = synced(group, memberId);
  if (group.state === 'Stable') return assigned(after, memberId);
  if (group.leader === memberId) return assigned(assign(after, request.assignments, now), memberId);
  return { kind: 'wait', group: after, next: awaitAssignment(request), alive: memberId, again: SAME_REQUEST };
}

function awaitAssignment(request: SyncRequest): Step<SyncReply> {
  const { memberId, instanceId, generation } = request;
  const step: Step<SyncReply> = {
    tooLarge: SYNC_TOO_LARGE,
    decide(group) {
      if (group === undefined) return refuse(group, 'UNKNOWN_MEMBER_ID');
      // The group was upgraded (GroupMetadataManager.convertToConsumerGroup).
      if (!isClassic(group)) return refuse(group, 'REBALANCE_IN_PROGRESS');
      const problem = memberProblem(group, memberId, instanceId);
      if (problem !== undefined) return refuse(group, problem);
      if (group.generation === generation && group.state === 'Stable') return assigned(group, memberId);
      if (group.generation === generation && group.state === 'CompletingRebalance') {
        return { kind: 'wait', group, next: step, alive: memberId, again: SAME_REQUEST };
      }
      return { ...refuse(group, 'REBALANCE_IN_PROGRESS'), alive: memberId };
    },
  };
  return step;
}

function assigned(group: ClassicGroup, memberId: string): StepResult<SyncReply> {
  const reply: SyncReply = {
    error: 'NONE',
    protocolType: group.protocolType ?? null,
    protocolName: group.protocolName ?? null,
    assignment: group.roster.assignments.get(memberId) ?? NO_ASSIGNMENT,
  };
  return { kind: 'reply', group, reply, alive: memberId };
}

function refuse<G>(group: G, error: ErrorName): { kind: 'reply'; group: G; reply: SyncReply } {
  return { kind: 'reply', group, reply: syncRefused(error) };
}

/** validateSyncGroup, plus the check for a new rebalance. */
function syncProblem(group: ClassicGroup, request: SyncRequest): ErrorName | undefined {
  const problem = memberProblem(group, request.memberId, request.instanceId);
  if (problem !== undefined) return problem;
  if (request.generation !== group.generation) return 'ILLEGAL_GENERATION';
  const differs = (told: string | null, is: string | undefined) => told !== null && told !== is;
  if (differs(request.protocolType, group.protocolType) || differs(request.protocolName, group.protocolName)) {
    return 'INCONSISTENT_GROUP_PROTOCOL';
  }
  return group.state === 'PreparingRebalance' ? 'REBALANCE_IN_PROGRESS' : undefined;
}
