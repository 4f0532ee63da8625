import { type JoinReply, type JoinRequest, joinClassic } from '../classic/join.ts';
import { type ClassicGroup, emptyClassicGroup, isClassic } from '../classic/state.ts';
import type { Group } from '../group.ts';
import { decodeSubscription, topicsOfClassic, upgrade } from '../migration.ts';
import type { Step, StepContext, StepResult } from '../step.ts';
import { FRESH_LIST_AGE_MAX_MS, LIST_AGE_MAX_MS, type LookRequest } from '../topic-looks.ts';
import { joinConsumerGroup } from './classic-requests.ts';
import { type HeartbeatReply, type HeartbeatRequest, heartbeat } from './heartbeat.ts';
import type { MemberFacts } from './members.ts';
import { matchesPattern } from './pattern/cache.ts';
import { type ConsumerGroup, type ConsumerGroupBody, indexOf } from './state.ts';
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
    decide(group, context) {
      if (group !== undefined && isClassic(group)) return heartbeatClassic(group, request, mayDescribe, context);
      return decideHeartbeat(group as ConsumerGroup | undefined, request, mayDescribe, context);
    },
  };
}

function decideHeartbeat(
  group: ConsumerGroup | undefined,
  request: HeartbeatRequest,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
  extraNames: ReadonlySet<string> = new Set(),
): StepResult<HeartbeatReply> {
  const leaves = request.memberEpoch < 0;
  const names = [...extraNames, ...(request.subscribedTopicNames ?? [])];
  const wanted = lookRequest(group, names, request.subscribedTopicRegex ?? '', context);
  const look = leaves ? NO_LOOK : context.topics.peek(wanted);
  if (look === undefined) return { kind: 'load', load: () => context.topics.load(wanted) };
  const outcome = heartbeat(group, request, {
    ...memberFacts(group, look, mayDescribe, context),
    classicConfig: context.config.classic,
    newMemberId: () => context.newMemberId(request.clientId),
  });
  if (!leaves) noteTakenIn(outcome.group, look);
  return { kind: 'reply', ...outcome };
}

/** The looks that bodies were refreshed from last, so that a heartbeat in a stable group compares nothing. */
const takenIn = new WeakMap<ConsumerGroupBody, TopicLook>();

function noteTakenIn(group: Group | undefined, look: TopicLook): void {
  if (group !== undefined && isConsumer(group)) takenIn.set(group.body, look);
}

function memberFacts(
  group: ConsumerGroup | undefined,
  look: TopicLook,
  mayDescribe: (topic: string) => boolean,
  context: StepContext,
): MemberFacts {
  const last = group === undefined ? undefined : takenIn.get(group.body);
  return {
    now: context.now,
    config: context.config.consumer,
    look,
    isTakenIn: last !== undefined && last.named === look.named && last.all === look.all,
    matches: (pattern, name) => matchesPattern(pattern, name) && mayDescribe(name),
  };
}

const NO_LOOK: TopicLook = { at: 0, named: new Map() };

/** All topics that the group and the request name, and the list of topics where there are patterns. */
function lookRequest(
  group: ConsumerGroup | undefined,
  moreNames: Iterable<string>,
  pattern: string,
  context: StepContext,
): LookRequest {
  const names = new Set(group === undefined ? [] : allSubscribedNames(group.body));
  for (const name of moreNames) names.add(name);
  const patterns = group?.body.patterns ?? [];
  const isNew = pattern !== '' && !patterns.some((resolved) => resolved.pattern === pattern);
  const isUsed = isNew || patterns.length > 0;
  return {
    groupId: context.groupId,
    now: context.now,
    names,
    known: group === undefined ? new Map() : indexOf(group.body).topicsByName,
    listAgeMaxMs: isNew ? FRESH_LIST_AGE_MAX_MS : isUsed ? LIST_AGE_MAX_MS : undefined,
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
  const names = topicsOfClassic(classic);
  const wanted = lookRequest(undefined, names, '', context);
  const look = context.topics.peek(wanted);
  if (look === undefined) return { kind: 'load', load: () => context.topics.load(wanted) };
  const outcome = upgrade(classic, look.named, context.config, context.now);
  if (outcome.kind === 'refused') return refuse(outcome.message);
  const result = decideHeartbeat(outcome.group, request, mayDescribe, context, names);
  // A refused join leaves the group as it was.
  return result.kind === 'reply' && result.reply.kind === 'refused' ? { ...result, group: classic } : result;
}

/** JoinGroup to a consumer group: joinConsumerGroup with the topics it needs, or a classic group again if nobody is in it. */
export function joinConsumerGroupStep(
  group: ConsumerGroup,
  request: JoinRequest,
  context: StepContext,
): StepResult<JoinReply> {
  if (group.body.members.length === 0) {
    return joinClassic(emptyClassicGroup(context.now, group.groupEpoch), request, context);
  }
  const subscription = decodeSubscription(request.protocols[0]?.metadata);
  const names = [...(subscription?.topics ?? []), ...(subscription?.ownedPartitions ?? []).map(({ topic }) => topic)];
  const wanted = lookRequest(group, names, '', context);
  const look = context.topics.peek(wanted);
  if (look === undefined) return { kind: 'load', load: () => context.topics.load(wanted) };
  const outcome = joinConsumerGroup(group, request, {
    // Patterns of other members are resolved at their own heartbeats, with their own rights.
    ...memberFacts(group, { at: look.at, named: look.named }, () => false, context),
    groupConfig: context.config,
    newMemberId: () => context.newMemberId(request.clientId),
  });
  return { kind: 'reply', ...outcome };
}
