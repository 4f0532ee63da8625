import { type JoinReply, type JoinRequest, joinClassic } from '../classic/join.ts';
import { type ClassicGroup, emptyClassicGroup, isClassic } from '../classic/state.ts';
import type { Needs } from '../facts.ts';
import type { Group } from '../group.ts';
import { decodeSubscription, topicsOfClassic, upgrade } from '../migration.ts';
import type { Step, StepContext, StepResult } from '../step.ts';
import { joinConsumerGroup } from './classic-requests.ts';
import { type HeartbeatReply, type HeartbeatRequest, heartbeat } from './heartbeat.ts';
import type { MemberFacts } from './members.ts';
import { matchesPattern } from './pattern/cache.ts';
import type { ConsumerGroup } from './state.ts';
import { allSubscribedNames, type TopicLook } from './subscription.ts';

/** Whether a group is one of the consumer protocol. */
export function isConsumer(group: Group): group is ConsumerGroup {
  return group.type === 'consumer';
}

/**
 * ConsumerGroupHeartbeat as a step. `mayDescribe`: patterns match only topics that the member may know of (Kafka's
 * TopicRegexResolver); a pattern is resolved with the rights of the member whose heartbeat comes when it is due.
 */
export function heartbeatStep(
  request: HeartbeatRequest,
  mayDescribe: (topic: string) => boolean,
): Step<HeartbeatReply> {
  return {
    tooLarge: {
      kind: 'refused',
      error: 'GROUP_MAX_SIZE_REACHED',
      message: 'the group with this member would be larger than can be stored',
    },
    needs: (group) => heartbeatNeeds(group, request),
    decide(group, context) {
      if (group !== undefined && isClassic(group)) return heartbeatClassic(group, request, mayDescribe, context);
      return decideHeartbeat(group as ConsumerGroup | undefined, request, mayDescribe, context);
    },
  };
}

function heartbeatNeeds(group: Group | undefined, request: HeartbeatRequest): Needs {
  const { memberEpoch, subscribedTopicNames, subscribedTopicRegex } = request;
  const joins = memberEpoch === 0;
  if (memberEpoch < 0 || (group !== undefined && isClassic(group) && !joins)) return {};
  const names = subscribedTopicNames ?? [];
  const pattern = subscribedTopicRegex ?? '';
  const entering = { expiredOffsetsGone: joins && group !== undefined };
  if (group === undefined || isClassic(group)) {
    const topics = group === undefined ? [] : [topicsOfClassic(group)];
    return { ...entering, topics, newTopics: names, allTopics: pattern === '' ? undefined : 'new' };
  }
  const { patterns } = (group as ConsumerGroup).body;
  const subscribed = allSubscribedNames((group as ConsumerGroup).body);
  const isNewPattern = pattern !== '' && (joins || !patterns.some((resolved) => resolved.pattern === pattern));
  return {
    ...entering,
    topics: [subscribed],
    newTopics: joins ? names : names.filter((name) => !subscribed.has(name)),
    allTopics: isNewPattern ? 'new' : patterns.length > 0 ? 'known' : undefined,
  };
}

function decideHeartbeat(
  group: ConsumerGroup | undefined,
  request: HeartbeatRequest,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
): StepResult<HeartbeatReply> {
  const outcome = heartbeat(group, request, {
    ...memberFacts(group, context.facts.topics, mayDescribe, context),
    classicConfig: context.config.classic,
    newMemberId: () => context.newMemberId(request.clientId),
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
    matches: (pattern, name) => matchesPattern(pattern, name) && mayDescribe(name),
  };
}

/** A consumer-protocol member that comes to a classic group changes it over, if that may be. */
function heartbeatClassic(
  classic: ClassicGroup,
  request: HeartbeatRequest,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
): StepResult<HeartbeatReply> {
  const refuse = (message: string): StepResult<HeartbeatReply> => ({
    kind: 'reply',
    group: classic,
    reply: { kind: 'refused', error: 'GROUP_ID_NOT_FOUND', message },
  });
  if (request.memberEpoch !== 0) return refuse('the group is not a consumer group');
  const outcome = upgrade(classic, context.facts.topics.named, context.config, context.now);
  if (outcome.kind === 'refused') return refuse(outcome.message);
  const result = decideHeartbeat(outcome.group, request, mayDescribe, context);
  // A refused join leaves the group as it was.
  return result.kind === 'reply' && result.reply.kind === 'refused' ? { ...result, group: classic } : result;
}

/** What a JoinGroup to a consumer group needs: joinConsumerGroupStep. */
export function joinConsumerGroupNeeds(group: ConsumerGroup, request: JoinRequest): Needs {
  if (group.body.members.length === 0) return { expiredOffsetsGone: true };
  const subscription = decodeSubscription(request.protocols[0]?.metadata);
  const owned = (subscription?.ownedPartitions ?? []).map(({ topic }) => topic);
  return { topics: [allSubscribedNames(group.body), owned], newTopics: subscription?.topics ?? [] };
}

/** JoinGroup to a consumer group: joinConsumerGroup, or a classic group again if nobody is in it. */
export function joinConsumerGroupStep(
  group: ConsumerGroup,
  request: JoinRequest,
  context: StepContext,
): StepResult<JoinReply> {
  if (group.body.members.length === 0) {
    return joinClassic(emptyClassicGroup(context.now, group.groupEpoch), request, context);
  }
  const { at, named } = context.facts.topics;
  const outcome = joinConsumerGroup(group, request, {
    // Patterns of other members are resolved at their own heartbeats, with their own rights.
    ...memberFacts(group, { at, named }, () => false, context),
    groupConfig: context.config,
    newMemberId: () => context.newMemberId(request.clientId),
  });
  return { kind: 'reply', ...outcome };
}
