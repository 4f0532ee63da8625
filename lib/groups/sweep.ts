import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { UnreadableItems } from '../kit/unreadable-items.ts';
import { type GroupFacts, NO_MEMBER } from '../offsets/environment.ts';
import { GROUPS_PK } from '../storage/items/group-keys.ts';
import { type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { Group } from './group.ts';
import { finishDeletion, removeEntry, removeTraces } from './group-deletion.ts';
import type { GroupStore } from './group-store.ts';
import { offsetFactsOf, protocolOf } from './protocols.ts';
import { dropUnused, type KeepsOffsets } from './unused-groups.ts';

/**
 * Removes the expired offsets of a group without members. `emptySince`: when it lost its last
 * member. True if it looked for expired offsets. Throws StoreUnavailableError.
 */
export type ExpireOffsets = (groupId: string, facts: GroupFacts, emptySince: StoreTime) => Promise<boolean>;

export interface SweepEnvironment {
  readonly store: GroupStore;
  readonly clock: Clock;
  /**
   * The group, advanced past all expired deadlines; undefined if it does not exist or cannot be
   * read.
   */
  describe(groupId: string): Promise<{ readonly group: Group; readonly since: StoreTime } | undefined>;
  readonly expire: ExpireOffsets;
  readonly keepsOffsets: KeepsOffsets;
  readonly unreadable: UnreadableItems;
}

export interface SweptGroups {
  /** The last id processed; undefined if the next sweep begins from the start. */
  readonly cursor: string | undefined;
  /** False if the deadline came before the last group. */
  readonly isComplete: boolean;
  readonly counts: {
    /** Ids processed. */
    readonly looked: number;
    /** Traces of deleted groups that were removed. */
    readonly removed: number;
    /** Groups that have been empty for so long that their offsets were checked for expiry. */
    readonly expired: number;
    /** Groups without members and offsets that were deleted. */
    readonly dropped: number;
    /** Groups that this program cannot read, or whose sweep failed by a bug. */
    readonly skipped: number;
  };
}

/**
 * Work on groups that no request triggers. The sweep
 * - finishes deletions that a crash interrupted,
 * - removes the traces of deleted groups once no late put can land on them,
 * - removes the offsets of groups that have had no members for `offsets.retention.minutes`,
 * - drops groups without members and offsets.
 *
 * It continues after `cursor` and ends by the context's deadline. Several processes may sweep at
 * the same time. Throws StoreUnavailableError.
 */
export async function sweepGroups(
  env: SweepEnvironment,
  cursor: string | undefined,
  context: RequestContext,
): Promise<SweptGroups> {
  const counts = { looked: 0, removed: 0, expired: 0, dropped: 0, skipped: 0 };
  let last = cursor;
  for await (const { key: groupId } of env.store.env.index.keys(cursor)) {
    if (context.signal.aborted || env.clock.monotonic() >= context.deadline) {
      return { cursor: last, isComplete: false, counts };
    }
    counts.looked++;
    const outcome = await sweepOrPassOver(env, groupId);
    if (outcome !== 'kept') counts[outcome]++;
    last = groupId;
  }
  return { cursor: undefined, isComplete: true, counts };
}

async function sweepOrPassOver(
  env: SweepEnvironment,
  groupId: string,
): Promise<'kept' | 'removed' | 'expired' | 'dropped' | 'skipped'> {
  const name = `${GROUPS_PK}/${groupId}`;
  try {
    // Read a group that was unreadable before here first: the coordinator would log the failure on
    // each sweep.
    if (env.unreadable.has(name)) await env.store.load(groupId, undefined);
    const outcome = await sweepGroup(env, groupId);
    env.unreadable.readable(name);
    return outcome;
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    env.unreadable.skip(name, error);
    return 'skipped';
  }
}

async function sweepGroup(env: SweepEnvironment, groupId: string): Promise<'kept' | 'removed' | 'expired' | 'dropped'> {
  const { store } = env;
  const described = await env.describe(groupId);
  if (described !== undefined) {
    const { group, since } = described;
    const { emptySince } = protocolOf(group).summary(group);
    if (emptySince === undefined) return 'kept';
    const isExpired = await env.expire(groupId, offsetFactsOf(group, since, NO_MEMBER), emptySince);
    if (await dropUnused(store, env.keepsOffsets, groupId)) return 'dropped';
    return isExpired ? 'expired' : 'kept';
  }
  const found = await store.peek(groupId);
  if (found === undefined) return (await removeEntry(store.env, groupId)) ? 'removed' : 'kept';
  const { head, version } = found;
  switch (head.kind) {
    case 'group':
      // If the stored group is unreadable, this throws the reason.
      await store.load(groupId, undefined);
      return 'kept';
    case 'deleting':
      await finishDeletion(store.env, groupId, version, head.since);
      return 'kept';
    case 'deleted':
      return (await removeTraces(store.env, groupId, version, head.since)) ? 'removed' : 'kept';
  }
}
