import type { Failure } from '../../core/errors.ts';
import type { StoreTime } from '../../storage/ports.ts';
import type { Assignment, TopicPartitions } from '../assignors/assignor.ts';
import { NO_PARTITIONS } from '../assignors/assignor.ts';
import type { ClassicGroupConfig } from '../config.ts';
import type { Group } from '../group.ts';
import { fenceMembers } from '../migration.ts';
import { type MemberFacts, moveOn, replaceStatic, wasToldOtherwise } from './members.ts';
import { isWithin } from './partitions.ts';
import { type ConsumerGroup, LEAVE_EPOCH, LEFT_FOR_NOW, type Member, newConsumerGroup, withMember } from './state.ts';
import { sharedNames } from './subscription.ts';

/**
 * A ConsumerGroupHeartbeat that has passed `heartbeatProblem`. Null means unchanged, as on the
 * wire.
 */
export interface HeartbeatRequest {
  /** Empty to request a new id (version 0 only). */
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  /** Ms; -1 means unchanged. */
  readonly rebalanceTimeoutMs: number;
  readonly subscribedTopicNames: readonly string[] | null;
  /** Empty for no pattern, as librdkafka sends it. */
  readonly subscribedTopicRegex: string | null;
  readonly serverAssignor: string | null;
  /** The partitions that the member owns. */
  readonly topicPartitions: readonly TopicPartitions[] | null;
  readonly clientId: string;
  readonly clientHost: string;
}

export type HeartbeatReply =
  | {
      readonly kind: 'ok';
      readonly memberId: string;
      readonly memberEpoch: number;
      readonly heartbeatIntervalMs: number;
      /** The partitions that the member may use; null means unchanged. */
      readonly assignment: Assignment | null;
    }
  | ({ readonly kind: 'refused' } & Failure);

export interface HeartbeatFacts extends MemberFacts {
  readonly classicConfig: ClassicGroupConfig;
  readonly newMemberId: () => string;
  /** Why a pattern is invalid; undefined if it is valid. */
  readonly patternProblem: (pattern: string) => string | undefined;
}

interface Outcome {
  readonly group: Group | undefined;
  readonly reply: HeartbeatReply;
  /** The member that showed a sign of life. */
  readonly alive?: string;
}

/**
 * Heartbeat interval of a member that waits for partitions of other members; ms. The others have to
 * learn of the revocation first, at their own heartbeats. In Kafka such a member waits for the
 * whole regular interval.
 */
export const WAITING_HEARTBEAT_MS = 1000;

/**
 * Decides one heartbeat of a member. Pure. Returns the same group if nothing changes. Errors and
 * their order: Kafka's GroupMetadataManager.consumerGroupHeartbeat.
 */
export function heartbeat(group: ConsumerGroup | undefined, request: HeartbeatRequest, facts: HeartbeatFacts): Outcome {
  if (request.memberEpoch === LEAVE_EPOCH || request.memberEpoch === LEFT_FOR_NOW) return leave(group, request, facts);
  const joins = request.memberEpoch === 0;
  if (group === undefined && !joins) return refuse(group, 'GROUP_ID_NOT_FOUND', 'there is no such consumer group');
  const before = group ?? newConsumerGroup(0, facts.now);
  const full = before.body.members.length >= facts.config.maxSize && !before.body.byId.has(request.memberId);
  if (full) {
    const message = `the group has reached its maximum of ${facts.config.maxSize} members`;
    return refuse(group, 'GROUP_MAX_SIZE_REACHED', message);
  }
  const found =
    request.instanceId === null
      ? findDynamic(before, request)
      : findStatic(before, request, request.instanceId, facts.now);
  if (found.kind === 'refused') return { group, reply: found };

  const pattern = request.subscribedTopicRegex ?? '';
  const reason = pattern === '' || pattern === found.member?.topicPattern ? undefined : facts.patternProblem(pattern);
  if (reason !== undefined) {
    const message = `SubscribedTopicRegex is not a regular expression of RE2: ${reason}`;
    return refuse(group, 'INVALID_REGULAR_EXPRESSION', message);
  }

  const memberId = found.member?.memberId ?? (request.memberId === '' ? facts.newMemberId() : request.memberId);
  const known = found.member ?? newMember(memberId, request, facts);
  const updated = update(known, request, found.group.body.members, facts);
  const moved = moveOn(found.group, found.member, updated, request.topicPartitions, facts);
  const isFull =
    request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    request.topicPartitions !== null;
  const tells = joins || isFull || wasToldOtherwise(found.member, moved.member);
  const interval = facts.config.heartbeatIntervalMs;
  return {
    group: moved.group,
    alive: memberId,
    reply: {
      kind: 'ok',
      memberId,
      memberEpoch: moved.member.memberEpoch,
      heartbeatIntervalMs: moved.member.state === 'unreleased' ? Math.min(interval, WAITING_HEARTBEAT_MS) : interval,
      assignment: tells ? moved.member.assigned : null,
    },
  };
}

type Found =
  | { readonly kind: 'found'; readonly group: ConsumerGroup; readonly member: Member | undefined }
  | ({ readonly kind: 'refused' } & Failure);

function findDynamic(group: ConsumerGroup, request: HeartbeatRequest): Found {
  const member = group.body.byId.get(request.memberId);
  if (member === undefined) {
    if (request.memberEpoch === 0) return { kind: 'found', group, member };
    return unknownMember(`there is no member ${request.memberId} in the group`);
  }
  return epochProblem(member, request) ?? { kind: 'found', group, member };
}

function findStatic(group: ConsumerGroup, request: HeartbeatRequest, instanceId: string, now: StoreTime): Found {
  const member = group.body.byInstance.get(instanceId);
  if (request.memberEpoch !== 0) {
    if (member === undefined) return unknownMember(`there is no member with the instance id ${instanceId}`);
    return (
      fencedInstance(member, request, instanceId) ?? epochProblem(member, request) ?? { kind: 'found', group, member }
    );
  }
  // A member that has already joined joins again, because it was fenced or missed the reply. Kafka
  // refuses this.
  if (member === undefined) return { kind: 'found', group, member: group.body.byId.get(request.memberId) };
  const isBack = member.memberEpoch === LEFT_FOR_NOW;
  if (member.memberId === request.memberId && !isBack) return { kind: 'found', group, member };
  if (member.classic === undefined && !isBack) {
    const message = `the instance id ${instanceId} is in use by member ${member.memberId}`;
    return { kind: 'refused', error: 'UNRELEASED_INSTANCE_ID', message };
  }
  return { kind: 'found', ...replaceStatic(group, member, request.memberId, now) };
}

function unknownMember(message: string): Found & { readonly kind: 'refused' } {
  return { kind: 'refused', error: 'UNKNOWN_MEMBER_ID', message };
}

function fencedInstance(member: Member, request: HeartbeatRequest, instanceId: string): Found | undefined {
  if (member.memberId === request.memberId) return undefined;
  const message = `the instance id ${instanceId} now belongs to member ${member.memberId}`;
  return { kind: 'refused', error: 'FENCED_INSTANCE_ID', message };
}

function epochProblem(member: Member, { memberEpoch, topicPartitions }: HeartbeatRequest): Found | undefined {
  if (memberEpoch === 0 || memberEpoch === member.memberEpoch) return undefined;
  // The reply with the new epoch may have been lost. The request is valid if the member owns
  // nothing outside its assignment.
  const lostAnswer =
    memberEpoch < member.memberEpoch &&
    memberEpoch === member.previousMemberEpoch &&
    topicPartitions !== null &&
    isWithin(topicPartitions, member.assigned);
  if (lostAnswer) return undefined;
  const message = `the member's epoch is ${member.memberEpoch}, not ${memberEpoch}; it must give up its partitions and join again`;
  return { kind: 'refused', error: 'FENCED_MEMBER_EPOCH', message };
}

function newMember(memberId: string, request: HeartbeatRequest, facts: HeartbeatFacts): Member {
  return {
    memberId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    joinedAt: facts.now,
    sessionTimeoutMs: facts.config.sessionTimeoutMs,
    rebalanceTimeoutMs: -1,
    topicNames: [],
    topicPattern: '',
    memberEpoch: 0,
    previousMemberEpoch: 0,
    state: 'stable',
    assigned: NO_PARTITIONS,
    pendingRevocation: NO_PARTITIONS,
    target: NO_PARTITIONS,
  };
}

/** The member with the changes of the request; the same object if nothing changed. */
function update(member: Member, request: HeartbeatRequest, members: readonly Member[], facts: HeartbeatFacts): Member {
  const { classic: _, ...consumer } = member;
  const updated: Member = {
    ...consumer,
    clientId: request.clientId,
    clientHost: request.clientHost,
    sessionTimeoutMs: facts.config.sessionTimeoutMs,
    ...(request.instanceId === null ? {} : { instanceId: request.instanceId }),
    ...(request.rackId === null ? {} : { rackId: request.rackId }),
    ...(request.rebalanceTimeoutMs === -1 ? {} : { rebalanceTimeoutMs: request.rebalanceTimeoutMs }),
    ...(request.serverAssignor === null ? {} : { assignor: request.serverAssignor }),
    ...(request.subscribedTopicNames === null
      ? {}
      : { topicNames: sharedNames(request.subscribedTopicNames, members) }),
    ...(request.subscribedTopicRegex === null ? {} : { topicPattern: request.subscribedTopicRegex }),
  };
  return saysTheSame(member, updated) ? member : updated;
}

function saysTheSame(member: Member, updated: Member): boolean {
  return (
    member.classic === undefined &&
    member.clientId === updated.clientId &&
    member.clientHost === updated.clientHost &&
    member.sessionTimeoutMs === updated.sessionTimeoutMs &&
    member.instanceId === updated.instanceId &&
    member.rackId === updated.rackId &&
    member.rebalanceTimeoutMs === updated.rebalanceTimeoutMs &&
    member.assignor === updated.assignor &&
    member.topicPattern === updated.topicPattern &&
    member.topicNames.length === updated.topicNames.length &&
    member.topicNames.every((name, index) => name === updated.topicNames[index])
  );
}

function leave(group: ConsumerGroup | undefined, request: HeartbeatRequest, facts: HeartbeatFacts): Outcome {
  if (group === undefined) return refuse(group, 'GROUP_ID_NOT_FOUND', 'there is no such consumer group');
  const { memberId, memberEpoch, instanceId } = request;
  const { byId, byInstance } = group.body;
  const member = instanceId === null ? byId.get(memberId) : byInstance.get(instanceId);
  if (member === undefined) return refuse(group, 'UNKNOWN_MEMBER_ID', `the group has no member '${request.memberId}'`);
  if (instanceId !== null) {
    const fenced = fencedInstance(member, request, instanceId);
    if (fenced?.kind === 'refused') return { group, reply: fenced };
  }
  const reply: HeartbeatReply = { kind: 'ok', memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null };
  if (instanceId !== null && memberEpoch === LEFT_FOR_NOW) {
    const { revokeBy: _, ...rest } = member;
    const away = { ...rest, memberEpoch: LEFT_FOR_NOW, pendingRevocation: NO_PARTITIONS };
    return { group: withMember(group, away), reply, alive: memberId };
  }
  return {
    group: fenceMembers(
      group,
      new Set([member.memberId]),
      { consumer: facts.config, classic: facts.classicConfig },
      facts.now,
    ),
    reply,
  };
}

function refuse(group: ConsumerGroup | undefined, error: Failure['error'], message: string): Outcome {
  return { group, reply: { kind: 'refused', error, message } };
}
