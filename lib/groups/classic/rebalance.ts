import type { StoreTime } from '../../storage/ports.ts';
import type { ClassicGroupConfig } from '../config.ts';
import { nextRequestBy } from '../next-request.ts';
import { type ClassicGroup, type ClassicMember, NO_ASSIGNMENT, Roster, selectProtocol } from './state.ts';

/**
 * The transitions of a classic group, after GroupMetadataManager's classic methods and
 * ClassicGroup. Where Kafka sets a timer, the group stores a deadline. `advanceClassic` does the
 * work of the timer.
 */

/** Adds a member whose join waits, or updates a known one (ClassicGroup.add, updateMember). */
export function putMember(group: ClassicGroup, member: ClassicMember, protocolType: string): ClassicGroup {
  const { members } = group.roster;
  const known = members.has(member.memberId);
  const waitsForMore = !known && group.state === 'PreparingRebalance' && group.initial !== undefined;
  const same = members.get(member.memberId) === member;
  return {
    ...group,
    roster: same ? group.roster : new Roster(new Map(members).set(member.memberId, member), group.roster.assignments),
    protocolType: members.size === 0 ? protocolType : group.protocolType,
    leader: group.leader ?? member.memberId,
    joined: new Set(group.joined).add(member.memberId),
    pendingJoin: without(group.pendingJoin, [member.memberId]),
    initial: waitsForMore ? { ...group.initial!, newMemberAdded: true } : group.initial,
  };
}

/** Removes members and unused member ids with all their state (ClassicGroup.remove). */
export function removeMembers(group: ClassicGroup, memberIds: Iterable<string>): ClassicGroup {
  const gone = new Set([...memberIds].filter((id) => group.roster.members.has(id) || group.pendingJoin.has(id)));
  if (gone.size === 0) return group;
  const members = without(group.roster.members, gone);
  const { leader } = group;
  const [firstLeft] = members.keys();
  return {
    ...group,
    roster:
      members.size === group.roster.members.size
        ? group.roster
        : new Roster(members, without(group.roster.assignments, gone)),
    leader: leader !== undefined && gone.has(leader) ? firstLeft : leader,
    joined: minus(group.joined, gone),
    pendingSync: minus(group.pendingSync, gone),
    pendingJoin: without(group.pendingJoin, gone),
  };
}

/**
 * Renames a static member to its new id; it keeps its assignment
 * (ClassicGroup.replaceStaticMember).
 */
export function replaceStaticMember(group: ClassicGroup, oldId: string, newId: string, now: StoreTime): ClassicGroup {
  const rename = (id: string) => (id === oldId ? newId : id);
  const members = new Map(
    [...group.roster.members].map(([id, member]) => [
      rename(id),
      id === oldId ? { ...member, memberId: newId } : member,
    ]),
  );
  const assignments = new Map([...group.roster.assignments].map(([id, assignment]) => [rename(id), assignment]));
  return {
    ...synced(group, oldId),
    roster: new Roster(members, assignments),
    leader: group.leader === undefined ? undefined : rename(group.leader),
    replacedAt: Math.max(now, (group.replacedAt ?? 0) + 1),
    // The old id's waiting join fails as fenced. The new id has not joined yet.
    joined: minus(group.joined, new Set([oldId])),
  };
}

/**
 * Continues after a member was added or changed its metadata (maybePrepareRebalanceOrCompleteJoin).
 */
export function rebalanceOrCompleteJoin(group: ClassicGroup, now: StoreTime, config: ClassicGroupConfig): ClassicGroup {
  return group.state === 'PreparingRebalance' ? maybeCompleteJoin(group, now) : prepareRebalance(group, now, config);
}

/**
 * Begins a join phase, in which all members must rejoin (prepareRebalance). If all have joined
 * already, the phase ends at once.
 */
export function prepareRebalance(group: ClassicGroup, now: StoreTime, config: ClassicGroupConfig): ClassicGroup {
  const isInitial = group.state === 'Empty';
  const delayMs = config.initialRebalanceDelayMs;
  const prepared: ClassicGroup = {
    ...group,
    // The assignments of an unfinished generation are void.
    roster: group.state === 'CompletingRebalance' ? new Roster(group.roster.members, new Map()) : group.roster,
    state: 'PreparingRebalance',
    stateSince: now,
    pendingSync: new Set(),
    syncDeadline: undefined,
    joinDeadline: now + (isInitial ? delayMs : rebalanceTimeoutMs(group)),
    initial: isInitial
      ? { delayMs, remainingMs: Math.max(rebalanceTimeoutMs(group) - delayMs, 0), newMemberAdded: false }
      : undefined,
  };
  return isInitial ? prepared : maybeCompleteJoin(prepared, now);
}

/**
 * Ends the join phase if all members have joined and it is not the initial one
 * (maybeCompleteJoinPhase).
 */
export function maybeCompleteJoin(group: ClassicGroup, now: StoreTime): ClassicGroup {
  if (group.state !== 'PreparingRebalance' || group.initial !== undefined || !hasAllMembersJoined(group)) return group;
  return completeJoin(group, now);
}

/**
 * Begins the next generation with the members that have joined and all static members
 * (completeClassicGroupJoin). If only static members remain and none of them has joined, the join
 * phase continues.
 */
function completeJoin(before: ClassicGroup, now: StoreTime): ClassicGroup {
  const late = [...before.roster.members.values()].filter(
    ({ memberId, instanceId }) => instanceId === null && !before.joined.has(memberId),
  );
  const group = removeMembers(
    before,
    late.map(({ memberId }) => memberId),
  );
  const { members } = group.roster;
  const ended = {
    joined: new Set<string>(),
    joinDeadline: undefined,
    initial: undefined,
    generation: group.generation + 1,
    stateSince: now,
  };
  if (members.size === 0) {
    return { ...group, ...ended, state: 'Empty', leader: undefined, protocolName: undefined, roster: group.roster };
  }
  const leader = group.joined.has(group.leader!)
    ? group.leader
    : [...members.keys()].find((memberId) => group.joined.has(memberId));
  if (leader === undefined) {
    return { ...group, joinDeadline: nextRequestBy(now, rebalanceTimeoutMs(group)), initial: undefined };
  }
  return {
    ...group,
    ...ended,
    state: 'CompletingRebalance',
    leader,
    protocolName: selectProtocol(members.values()),
    pendingSync: new Set(members.keys()),
    syncDeadline: nextRequestBy(now, rebalanceTimeoutMs(group)),
  };
}

/**
 * Stores the leader's assignment and makes the group stable (setAndPropagateAssignment). Members
 * that it does not name get an empty assignment.
 */
export function assign(group: ClassicGroup, assignments: ReadonlyMap<string, Buffer>, now: StoreTime): ClassicGroup {
  const given = [...group.roster.members.keys()].map(
    (memberId) => [memberId, assignments.get(memberId) ?? NO_ASSIGNMENT] as const,
  );
  return { ...group, state: 'Stable', stateSince: now, roster: new Roster(group.roster.members, new Map(given)) };
}

/** Records that a member has fetched its assignment (removePendingSyncMember). */
export function synced(group: ClassicGroup, memberId: string): ClassicGroup {
  if (!group.pendingSync.has(memberId)) return group;
  const pendingSync = minus(group.pendingSync, new Set([memberId]));
  return { ...group, pendingSync, syncDeadline: pendingSync.size === 0 ? undefined : group.syncDeadline };
}

/**
 * Continues after members left or were removed (removeMemberAndUpdateClassicGroup,
 * classicGroupLeave).
 */
export function afterRemoval(group: ClassicGroup, now: StoreTime, config: ClassicGroupConfig): ClassicGroup {
  if (group.state === 'Stable' || group.state === 'CompletingRebalance') return prepareRebalance(group, now, config);
  return maybeCompleteJoin(group, now);
}

/** The group's next deadline; does not consider sessions. */
export function classicDueAt(group: ClassicGroup): StoreTime | undefined {
  const due = [...group.pendingJoin.values()];
  if (group.state === 'PreparingRebalance' && group.joinDeadline !== undefined) due.push(group.joinDeadline);
  if (group.syncDeadline !== undefined) due.push(group.syncDeadline);
  return due.length === 0 ? undefined : due.reduce((first, at) => Math.min(first, at));
}

/**
 * Does what Kafka's timers would have done by `now`: first removes members with expired sessions
 * and unused ids, then ends phases.
 */
export function advanceClassic(
  before: ClassicGroup,
  expired: ReadonlySet<string>,
  now: StoreTime,
  config: ClassicGroupConfig,
): ClassicGroup {
  let group = before;
  const unused = [...group.pendingJoin].filter(([, voidAt]) => voidAt <= now).map(([memberId]) => memberId);
  if (unused.length > 0) group = maybeCompleteJoin(removeMembers(group, unused), now);
  const silent = [...expired].filter((memberId) => group.roster.members.has(memberId));
  if (silent.length > 0) group = afterRemoval(removeMembers(group, silent), now, config);
  if (group.state === 'PreparingRebalance' && group.joinDeadline !== undefined && group.joinDeadline <= now) {
    group = joinDeadlinePassed(group, now, config);
  }
  if (group.syncDeadline !== undefined && group.syncDeadline <= now) {
    group = prepareRebalance(removeMembers(group, group.pendingSync), now, config);
  }
  return group;
}

/** The end of a join phase, including the initial one (tryCompleteInitialRebalanceElseSchedule). */
function joinDeadlinePassed(group: ClassicGroup, now: StoreTime, config: ClassicGroupConfig): ClassicGroup {
  const { initial } = group;
  if (initial === undefined || !initial.newMemberAdded || initial.remainingMs === 0) return completeJoin(group, now);
  const delayMs = Math.min(config.initialRebalanceDelayMs, initial.remainingMs);
  const remainingMs = Math.max(initial.remainingMs - initial.delayMs, 0);
  return { ...group, joinDeadline: now + delayMs, initial: { delayMs, remainingMs, newMemberAdded: false } };
}

function hasAllMembersJoined(group: ClassicGroup): boolean {
  return group.joined.size === group.roster.members.size && group.pendingJoin.size === 0;
}

/** The longest rebalance timeout of all members. */
function rebalanceTimeoutMs(group: ClassicGroup): number {
  let longest = 0;
  for (const member of group.roster.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
  return longest;
}

function without<Value>(map: ReadonlyMap<string, Value>, keys: Iterable<string>): ReadonlyMap<string, Value> {
  const left = new Map(map);
  for (const key of keys) left.delete(key);
  return left.size === map.size ? map : left;
}

function minus(set: ReadonlySet<string>, gone: ReadonlySet<string>): ReadonlySet<string> {
  const left = [...set].filter((one) => !gone.has(one));
  return left.length === set.size ? set : new Set(left);
}
