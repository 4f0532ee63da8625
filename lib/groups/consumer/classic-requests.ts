import type { ErrorName } from '../../core/errors.ts';
import type { StoreTime } from '../../storage/ports.ts';
import { prepareRebalance } from '../classic/rebalance.ts';
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
} from '../classic/requests.ts';
import { CONSUMER_PROTOCOL_TYPE } from '../classic/state.ts';
import type { GroupConfig } from '../config.ts';
import type { Group } from '../group.ts';
import {
  byTopicId,
  decodeSubscription,
  downgrade,
  encodeAssignment,
  fenceMembers,
  mayDowngrade,
  type Subscription,
} from '../migration.ts';
import { nextRequestBy } from '../next-request.ts';
import { type MemberFacts, moveOn, replaceStatic, waitsForOthers } from './members.ts';
import { isReconciled } from './reconcile.ts';
import { type ClassicMembership, type ConsumerGroup, type Member, withMember } from './state.ts';
import { sharedNames } from './subscription.ts';

/**
 * Requests of the classic protocol to a consumer group. They serve the members of an upgraded group
 * that still use the classic protocol (KIP-848).
 */

export interface ClassicFacts extends MemberFacts {
  readonly groupConfig: GroupConfig;
  readonly newMemberId: () => string;
}

interface Outcome<Reply> {
  readonly group: Group;
  readonly reply: Reply;
  readonly alive?: string;
}

/**
 * JoinGroup. Moves the member one step towards its target, and returns its epoch as the generation.
 * The join does not wait for other members (GroupMetadataManager.classicGroupJoinToConsumerGroup).
 */
export function joinConsumerGroup(group: ConsumerGroup, request: JoinRequest, facts: ClassicFacts): Outcome<JoinReply> {
  const refuse = (error: ErrorName, memberId = request.memberId) => ({ group, reply: joinRefused(memberId, error) });
  const isNew = request.memberId === '';
  const memberId = isNew ? facts.newMemberId() : request.memberId;
  const { byId, byInstance } = group.body;
  if (group.body.members.length >= facts.config.maxSize && !byId.has(memberId)) return refuse('GROUP_MAX_SIZE_REACHED');
  if (!offersWhatAllDo(group, request)) return refuse('INCONSISTENT_GROUP_PROTOCOL');
  const subscription = decodeSubscription(request.protocols[0]?.metadata);
  if (subscription === undefined) return refuse('UNKNOWN_SERVER_ERROR');
  const { instanceId } = request;
  if (request.requiresKnownMemberId && isNew && instanceId === null) return refuse('MEMBER_ID_REQUIRED', memberId);

  let before = byId.get(memberId);
  let replaced = group;
  let replacesConsumer = false;
  if (instanceId !== null) {
    const holder = byInstance.get(instanceId);
    if (!isNew && holder === undefined) return refuse('UNKNOWN_MEMBER_ID');
    if (!isNew && holder?.memberId !== memberId) return refuse('FENCED_INSTANCE_ID');
    if (holder !== undefined && isNew) {
      ({ group: replaced, member: before } = replaceStatic(group, holder, memberId, facts.now));
    } else before = holder;
    replacesConsumer = holder !== undefined && holder.classic === undefined;
  }
  const updated = classicMember(memberId, before, request, subscription, replaced.body.members, facts);
  const { topicsByName } = replaced.body;
  const owned = byTopicId(subscription.ownedPartitions, new Map([...facts.look.named, ...topicsByName]));
  const moved = moveOn(replaced, before, updated, owned, facts);
  const reply: JoinReply = {
    error: 'NONE',
    memberId,
    generation: moved.member.memberEpoch,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName: request.protocols[0]!.name,
    leader: '',
    skipAssignment: false,
    members: [],
  };
  if (!replacesConsumer || !mayDowngrade(moved.group.body.members, facts.groupConfig)) {
    return { group: moved.group, reply, alive: memberId };
  }
  const classic = downgrade(moved.group, facts.now);
  // A stable classic group does not rebalance. If a member may still hold another's partition,
  // it must rebalance first. Kafka does not check this.
  const { assignmentEpoch, body } = moved.group;
  const isSettled = body.members.every((one) => isReconciled(one, assignmentEpoch));
  const rebalances = moved.group.groupEpoch !== group.groupEpoch || !isSettled;
  return {
    group: rebalances ? prepareRebalance(classic, facts.now, facts.groupConfig.classic) : classic,
    reply: { ...reply, generation: classic.generation },
    alive: memberId,
  };
}

/**
 * Whether one of the protocols is supported by all classic members
 * (ConsumerGroup.supportsClassicProtocols).
 */
function offersWhatAllDo(group: ConsumerGroup, { protocolType, protocols }: JoinRequest): boolean {
  if (protocolType !== CONSUMER_PROTOCOL_TYPE) return false;
  const offers = group.body.members.flatMap(({ classic }) =>
    classic === undefined ? [] : [new Set(classic.protocols.map(({ name }) => name))],
  );
  return protocols.some(({ name }) => offers.every((offer) => offer.has(name)));
}

function classicMember(
  memberId: string,
  before: Member | undefined,
  request: JoinRequest,
  subscription: Subscription,
  members: readonly Member[],
  facts: ClassicFacts,
): Member {
  const {
    assignor: _,
    revokeBy: __,
    ...kept
  } = before ?? {
    memberEpoch: 0,
    previousMemberEpoch: 0,
    state: 'stable' as const,
    assigned: [],
    pendingRevocation: [],
    target: [],
    joinedAt: facts.now,
  };
  return {
    ...kept,
    memberId,
    ...(request.instanceId === null ? {} : { instanceId: request.instanceId }),
    ...(subscription.rackId === null ? {} : { rackId: subscription.rackId }),
    clientId: request.clientId,
    clientHost: request.clientHost,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    topicNames: sharedNames(subscription.topics, members),
    topicPattern: '',
    classic: { protocols: request.protocols, syncBy: nextRequestBy(facts.now, request.rebalanceTimeoutMs) },
  };
}

type Checked =
  | { readonly kind: 'member'; readonly member: Member; readonly classic: ClassicMembership }
  | { readonly kind: 'refused'; readonly error: ErrorName };

/**
 * Finds the classic member and checks its generation (validateConsumerGroupMember and the checks
 * after it).
 */
function checkMember(group: ConsumerGroup, memberId: string, instanceId: string | null, generation: number): Checked {
  const { byId, byInstance } = group.body;
  const member = instanceId === null ? byId.get(memberId) : byInstance.get(instanceId);
  if (member === undefined) return { kind: 'refused', error: 'UNKNOWN_MEMBER_ID' };
  if (member.memberId !== memberId) return { kind: 'refused', error: 'FENCED_INSTANCE_ID' };
  if (member.classic === undefined) return { kind: 'refused', error: 'UNKNOWN_MEMBER_ID' };
  if (member.memberEpoch !== generation) return { kind: 'refused', error: 'ILLEGAL_GENERATION' };
  return { kind: 'member', member, classic: member.classic };
}

/**
 * SyncGroup. Returns the member's own assignment; no leader takes part
 * (GroupMetadataManager.classicGroupSyncToConsumerGroup).
 */
export function syncConsumerGroup(group: ConsumerGroup, request: SyncRequest, now: StoreTime): Outcome<SyncReply> {
  const checked = checkMember(group, request.memberId, request.instanceId, request.generation);
  if (checked.kind === 'refused') return { group, reply: syncRefused(checked.error) };
  const { member, classic } = checked;
  const { protocolType, protocolName } = request;
  const otherType = protocolType !== null && protocolType !== CONSUMER_PROTOCOL_TYPE;
  if (otherType || (protocolName !== null && protocolName !== classic.protocols[0]?.name)) {
    return { group, reply: syncRefused('INCONSISTENT_GROUP_PROTOCOL') };
  }
  if (group.groupEpoch > member.memberEpoch && member.state !== 'unrevoked') {
    return {
      group: awaitJoin(group, member, classic, now),
      reply: syncRefused('REBALANCE_IN_PROGRESS'),
      alive: member.memberId,
    };
  }
  const { syncBy, ...rest } = classic;
  return {
    group: syncBy === undefined ? group : withMember(group, { ...member, classic: rest }),
    reply: {
      error: 'NONE',
      protocolType,
      protocolName,
      assignment: encodeAssignment(group, member.assigned, classic.protocols),
    },
    alive: member.memberId,
  };
}

/**
 * Heartbeat. Asks the member to rejoin if a join would bring it closer to its target
 * (classicGroupHeartbeatToConsumerGroup).
 */
export function heartbeatConsumerGroup(
  group: ConsumerGroup,
  request: HeartbeatRequest,
  now: StoreTime,
): Outcome<HeartbeatReply> {
  const checked = checkMember(group, request.memberId, request.instanceId, request.generation);
  if (checked.kind === 'refused') return { group, reply: checked.error };
  const { member, classic } = checked;
  const isToJoin =
    member.memberEpoch < group.groupEpoch ||
    member.state === 'unrevoked' ||
    (member.state === 'unreleased' && !waitsForOthers(group, member));
  if (!isToJoin) return { group, reply: 'NONE', alive: member.memberId };
  return { group: awaitJoin(group, member, classic, now), reply: 'REBALANCE_IN_PROGRESS', alive: member.memberId };
}

/** Starts the deadline for the rejoin of a member, unless one is already set. */
function awaitJoin(group: ConsumerGroup, member: Member, classic: ClassicMembership, now: StoreTime): ConsumerGroup {
  if (classic.joinBy !== undefined) return group;
  return withMember(group, {
    ...member,
    classic: { ...classic, joinBy: nextRequestBy(now, member.rebalanceTimeoutMs) },
  });
}

/** LeaveGroup, for members of both protocols (classicGroupLeaveToConsumerGroup). */
export function leaveConsumerGroup(
  group: ConsumerGroup,
  request: LeaveRequest,
  config: GroupConfig,
  now: StoreTime,
): Outcome<LeaveReply> {
  const { byId, byInstance } = group.body;
  const leaving = new Set<string>();
  const reply = request.members.map(({ memberId, instanceId }) => {
    const member = instanceId === null ? byId.get(memberId) : byInstance.get(instanceId);
    let error: ErrorName = 'NONE';
    if (member === undefined) error = 'UNKNOWN_MEMBER_ID';
    // Administrators remove static members by the instance id alone.
    else if (instanceId !== null && memberId !== '' && member.memberId !== memberId) error = 'FENCED_INSTANCE_ID';
    else leaving.add(member.memberId);
    return { memberId, instanceId, error };
  });
  return { group: fenceMembers(group, leaving, config, now), reply };
}
