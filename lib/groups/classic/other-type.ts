import { assert } from '../../core/assert.ts';
import { heartbeatConsumerGroup, leaveConsumerGroup, syncConsumerGroup } from '../consumer/classic-requests.ts';
import type { ConsumerGroup } from '../consumer/state.ts';
import { isConsumer, joinConsumerGroupNeeds, joinConsumerGroupStep } from '../consumer/steps.ts';
import type { Needs } from '../facts.ts';
import type { Group } from '../group.ts';
import type { StepContext, StepResult } from '../step.ts';
import type { HeartbeatReply, HeartbeatRequest } from './heartbeat.ts';
import type { JoinReply, JoinRequest } from './join.ts';
import type { LeaveReply, LeaveRequest } from './leave.ts';
import type { SyncReply, SyncRequest } from './sync.ts';

/** Requests of the classic protocol to a group of the consumer protocol (KIP-848's way of changing over online). */

export function joinNeeds(group: Group, request: JoinRequest): Needs {
  return joinConsumerGroupNeeds(consumerGroup(group), request);
}

export function joinOther(group: Group, request: JoinRequest, context: StepContext): StepResult<JoinReply> {
  return joinConsumerGroupStep(consumerGroup(group), request, context);
}

export function syncOther(group: Group, request: SyncRequest, context: StepContext): StepResult<SyncReply> {
  return { kind: 'reply', ...syncConsumerGroup(consumerGroup(group), request, context.now) };
}

export function heartbeatOther(
  group: Group,
  request: HeartbeatRequest,
  context: StepContext,
): StepResult<HeartbeatReply> {
  return { kind: 'reply', ...heartbeatConsumerGroup(consumerGroup(group), request, context.now) };
}

export function leaveOther(group: Group, request: LeaveRequest, context: StepContext): StepResult<LeaveReply> {
  return { kind: 'reply', ...leaveConsumerGroup(consumerGroup(group), request, context.config, context.now) };
}

function consumerGroup(group: Group): ConsumerGroup {
  assert(isConsumer(group), `a group of the type ${group.type} has no such requests`);
  return group;
}
