import type { Clock } from '../core/clock.ts';
import type { RequestContext } from '../core/context.ts';
import type { StoreTime } from '../storage/ports.ts';
import type { Group } from './group.ts';
import { finishDeletion, removeEntry, removeTraces } from './group-deletion.ts';
import type { GroupStore } from './group-store.ts';
import { protocolOf } from './protocols.ts';

/** Removes what has expired of a group's offsets; true if it was looked for. Throws StoreUnavailableError. */
export type ExpireOffsets = (groupId: string, group: Group, since: StoreTime) => Promise<boolean>;

export interface SweepEnvironment {
  readonly store: GroupStore;
  readonly clock: Clock;
  /** The group as it stands, moved on to the present; undefined where there is none, or where it cannot be told. */
  describe(groupId: string): Promise<{ readonly group: Group; readonly since: StoreTime } | undefined>;
  readonly expire: ExpireOffsets;
}

export interface SweptGroups {
  /** Ids that were looked at. */
  readonly looked: number;
  /** Traces of deleted groups that were removed. */
  readonly removed: number;
  /** Groups without members for so long that their offsets were looked through for expired ones. */
  readonly expired: number;
  /** False where the time was not enough for all of them. */
  readonly isComplete: boolean;
}

/**
 * What nobody comes by to do: finishes deletions that a crash has cut off, removes the traces of deleted groups once nothing
 * sent for them can land any more, and the offsets of groups that nobody has been in for `offsets.retention.minutes`. Ends
 * by the context's deadline; repeatable, also by several processes at once. Throws StoreUnavailableError.
 */
export async function sweepGroups(env: SweepEnvironment, context: RequestContext): Promise<SweptGroups> {
  const swept = { looked: 0, removed: 0, expired: 0 };
  for await (const groupId of env.store.env.index.ids()) {
    if (context.signal.aborted || env.clock.monotonic() >= context.deadline) return { ...swept, isComplete: false };
    swept.looked++;
    const outcome = await sweepGroup(env, groupId);
    if (outcome !== 'kept') swept[outcome]++;
  }
  return { ...swept, isComplete: true };
}

async function sweepGroup(env: SweepEnvironment, groupId: string): Promise<'kept' | 'removed' | 'expired'> {
  const { store } = env;
  const described = await env.describe(groupId);
  if (described !== undefined) {
    const { group, since } = described;
    const isEmpty = protocolOf(group).summary(group).emptySince !== undefined;
    return isEmpty && (await env.expire(groupId, group, since)) ? 'expired' : 'kept';
  }
  const found = await store.peek(groupId);
  if (found === undefined) return (await removeEntry(store.env, groupId)) ? 'removed' : 'kept';
  const { head, version } = found;
  switch (head.kind) {
    case 'group':
      return 'kept';
    case 'deleting':
      await finishDeletion(store.env, groupId, version, head.since);
      return 'kept';
    case 'deleted':
      return (await removeTraces(store.env, groupId, version, head.since)) ? 'removed' : 'kept';
  }
}
