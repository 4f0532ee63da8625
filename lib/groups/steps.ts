import { assert } from '../core/assert.ts';
import type { ErrorName } from '../core/errors.ts';
import { heartbeatClassic } from './classic/heartbeat.ts';
import { joinClassic } from './classic/join.ts';
import { leaveClassic } from './classic/leave.ts';
import {
  type HeartbeatReply,
  type HeartbeatRequest,
  type JoinReply,
  type JoinRequest,
  joinRefused,
  type LeaveReply,
  type LeaveRequest,
  type SyncReply,
  type SyncRequest,
  syncRefused,
} from './classic/requests.ts';
import { type ClassicGroup, emptyClassicGroup, isClassic } from './classic/state.ts';
import { SYNC_TOO_LARGE, syncClassic } from './classic/sync.ts';
import {
  heartbeatConsumerGroup,
  joinConsumerGroup,
  leaveConsumerGroup,
  syncConsumerGroup,
} from './consumer/classic-requests.ts';
import {
  type HeartbeatReply as ConsumerReply,
  type HeartbeatRequest as ConsumerRequest,
  heartbeat,
} from './consumer/heartbeat.ts';
import type { MemberFacts } from './consumer/members.ts';
import { type ConsumerGroup, isConsumer } from './consumer/state.ts';
import type { Needs, TopicLook } from './facts.ts';
import type { Group } from './group.ts';
import { decodeSubscription, topicsOfClassic, upgrade } from './migration.ts';
import { protocolOf } from './protocols.ts';
import type { Step, StepContext, StepResult } from './step.ts';

/**
 * All requests to a group, as steps. Each protocol decides over its own groups in its own folder.
 * This file dispatches on the group's type, and converts a group to the other protocol where a
 * request requires it (KIP-848).
 */

/** Calls the function of the group's protocol. */
function byProtocol<Result>(
  group: Group,
  protocols: {
    readonly classic: (group: ClassicGroup) => Result;
    readonly consumer: (group: ConsumerGroup) => Result;
  },
): Result {
  if (isClassic(group)) return protocols.classic(group);
  assert(isConsumer(group), `a group of the type ${group.type} has no requests`);
  return protocols.consumer(group);
}

/** JoinGroup. */
export function joinStep(request: JoinRequest): Step<JoinReply> {
  return {
    tooLarge: joinRefused('', 'GROUP_MAX_SIZE_REACHED'),
    needs(group) {
      if (group === undefined) return {};
      return byProtocol<Needs>(group, {
        classic: ({ state }) => ({ expiredOffsetsGone: state === 'Empty' }),
        consumer: (consumer) => joinConsumerNeeds(consumer, request),
      });
    },
    decide(group, context) {
      if (group === undefined) return joinClassic(group, request, context);
      return byProtocol(group, {
        classic: (classic) => joinClassic(classic, request, context),
        consumer: (consumer) => joinConsumer(consumer, request, context),
      });
    },
  };
}

function joinConsumerNeeds(group: ConsumerGroup, request: JoinRequest): Needs {
  if (group.body.members.length === 0) return { expiredOffsetsGone: true };
  const subscription = decodeSubscription(request.protocols[0]?.metadata);
  const owned = (subscription?.ownedPartitions ?? []).map(({ topic }) => topic);
  return { topics: [group.body.subscribedNames, owned], newTopics: subscription?.topics ?? [] };
}

/** A consumer group without members becomes a classic group. */
function joinConsumer(group: ConsumerGroup, request: JoinRequest, context: StepContext): StepResult<JoinReply> {
  if (group.body.members.length === 0) {
    return joinClassic(emptyClassicGroup(context.now, group.groupEpoch), request, context);
  }
  const { at, named } = context.facts.topics;
  const outcome = joinConsumerGroup(group, request, {
    // The patterns of other members are resolved at their own heartbeats, with their own
    // permissions.
    ...memberFacts(group, { at, named }, () => false, context),
    groupConfig: context.config,
    newMemberId: () => context.newMemberId(request.clientId),
  });
  return { kind: 'reply', ...outcome };
}

/** SyncGroup. */
export function syncStep(request: SyncRequest): Step<SyncReply> {
  return {
    tooLarge: SYNC_TOO_LARGE,
    decide(group, context) {
      if (group === undefined) return { kind: 'reply', group, reply: syncRefused('UNKNOWN_MEMBER_ID') };
      return byProtocol<StepResult<SyncReply>>(group, {
        classic: (classic) => syncClassic(classic, request, context),
        consumer: (consumer) => ({ kind: 'reply', ...syncConsumerGroup(consumer, request, context.now) }),
      });
    },
  };
}

/** Heartbeat. */
export function heartbeatStep(request: HeartbeatRequest): Step<HeartbeatReply> {
  return {
    tooLarge: 'UNKNOWN_SERVER_ERROR',
    decide(group, context) {
      if (group === undefined) return { kind: 'reply', group, reply: 'UNKNOWN_MEMBER_ID' };
      return byProtocol<StepResult<HeartbeatReply>>(group, {
        classic: (classic) => heartbeatClassic(classic, request),
        consumer: (consumer) => ({ kind: 'reply', ...heartbeatConsumerGroup(consumer, request, context.now) }),
      });
    },
  };
}

/** LeaveGroup. */
export function leaveStep(request: LeaveRequest): Step<LeaveReply> {
  const all = (error: ErrorName): LeaveReply => request.members.map((one) => ({ ...one, error }));
  return {
    tooLarge: all('UNKNOWN_SERVER_ERROR'),
    decide(group, context) {
      if (group === undefined) return { kind: 'reply', group, reply: all('UNKNOWN_MEMBER_ID') };
      const { config, now } = context;
      return byProtocol<StepResult<LeaveReply>>(group, {
        classic: (classic) => leaveClassic(classic, request, context),
        consumer: (consumer) => ({ kind: 'reply', ...leaveConsumerGroup(consumer, request, config, now) }),
      });
    },
  };
}

/**
 * DeleteGroups, for one group. Only a group without members can be deleted
 * (GroupCoordinatorShard.deleteGroups).
 */
export const deleteStep: Step<ErrorName> = {
  tooLarge: 'UNKNOWN_SERVER_ERROR',
  decide(group) {
    if (group === undefined) return { kind: 'reply', group, reply: 'GROUP_ID_NOT_FOUND' };
    const problem = protocolOf(group).checkDelete(group);
    if (problem !== undefined) return { kind: 'reply', group, reply: problem };
    return { kind: 'reply', group: undefined, reply: 'NONE' };
  },
};

/**
 * ConsumerGroupHeartbeat. `mayDescribe`: whether the member may describe the topic; a pattern
 * matches only such topics (Kafka's TopicRegexResolver). A pattern is resolved with the permissions
 * of the member whose heartbeat finds it due.
 */
export function consumerHeartbeatStep(
  request: ConsumerRequest,
  mayDescribe: (topic: string) => boolean,
): Step<ConsumerReply> {
  return {
    tooLarge: {
      kind: 'refused',
      error: 'GROUP_MAX_SIZE_REACHED',
      message: 'the group with this member would be larger than can be stored',
    },
    needs: (group) => heartbeatNeeds(group, request),
    decide(group, context) {
      if (group === undefined) return decideHeartbeat(group, request, mayDescribe, context);
      return byProtocol(group, {
        classic: (classic) => heartbeatUpgrade(classic, request, mayDescribe, context),
        consumer: (consumer) => decideHeartbeat(consumer, request, mayDescribe, context),
      });
    },
  };
}

function heartbeatNeeds(group: Group | undefined, request: ConsumerRequest): Needs {
  const { memberEpoch, subscribedTopicNames, subscribedTopicRegex } = request;
  const joins = memberEpoch === 0;
  if (memberEpoch < 0 || (group !== undefined && isClassic(group) && !joins)) return {};
  const names = subscribedTopicNames ?? [];
  const pattern = subscribedTopicRegex ?? '';
  const entering = { expiredOffsetsGone: joins && group !== undefined };
  const requested = pattern === '' ? [] : [pattern];
  if (group === undefined || !isConsumer(group)) {
    const topics = group === undefined ? [] : [topicsOfClassic(group as ClassicGroup)];
    const allTopics = pattern === '' ? undefined : 'new';
    return { ...entering, topics, newTopics: names, allTopics, patterns: requested };
  }
  const patterns = group.body.subscribedPatterns;
  const subscribed = group.body.subscribedNames;
  const isNewPattern = pattern !== '' && (joins || !patterns.has(pattern));
  return {
    ...entering,
    topics: [subscribed],
    newTopics: joins ? names : names.filter((name) => !subscribed.has(name)),
    allTopics: isNewPattern ? 'new' : patterns.size > 0 ? 'known' : undefined,
    patterns: [...patterns, ...requested],
  };
}

function decideHeartbeat(
  group: ConsumerGroup | undefined,
  request: ConsumerRequest,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
): StepResult<ConsumerReply> {
  const outcome = heartbeat(group, request, {
    ...memberFacts(group, context.facts.topics, mayDescribe, context),
    classicConfig: context.config.classic,
    newMemberId: () => context.newMemberId(request.clientId),
    patternProblem: (pattern) => {
      const matched = context.facts.patterns.get(pattern);
      assert(matched !== undefined, 'a pattern was not matched before the decision');
      return matched.kind === 'invalid' ? matched.reason : undefined;
    },
  });
  const tookTopicsIn = request.memberEpoch >= 0 && outcome.reply.kind === 'ok';
  return { kind: 'reply', ...outcome, tookTopicsIn };
}

function memberFacts(
  group: ConsumerGroup | undefined,
  look: TopicLook,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
): MemberFacts {
  return {
    now: context.now,
    config: context.config.consumer,
    look,
    isTakenIn: group !== undefined && context.takenInBy === group.body,
    matches: (pattern, name) => matchOf(context, pattern, name) && mayDescribe(name),
  };
}

function matchOf({ facts }: StepContext, pattern: string, name: string): boolean {
  const matched = facts.patterns.get(pattern);
  assert(matched !== undefined, 'a pattern was not matched before the decision');
  return matched.kind === 'valid' && matched.topics.has(name);
}

/**
 * The heartbeat of a consumer-protocol member to a classic group: upgrades the group if that is
 * allowed.
 */
function heartbeatUpgrade(
  classic: ClassicGroup,
  request: ConsumerRequest,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
): StepResult<ConsumerReply> {
  const refuse = (message: string): StepResult<ConsumerReply> => ({
    kind: 'reply',
    group: classic,
    reply: { kind: 'refused', error: 'GROUP_ID_NOT_FOUND', message },
  });
  if (request.memberEpoch !== 0) return refuse('the group is not a consumer group');
  const outcome = upgrade(classic, context.facts.topics.named, context.config, context.now);
  if (outcome.kind === 'refused') return refuse(outcome.message);
  const result = decideHeartbeat(outcome.group, request, mayDescribe, context);
  // A refused join does not change the group.
  return result.kind === 'reply' && result.reply.kind === 'refused' ? { ...result, group: classic } : result;
}
