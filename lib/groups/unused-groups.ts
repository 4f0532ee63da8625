import { isSettled } from '../storage/late-puts.ts';
import type { GroupStore } from './group-store.ts';
import { protocolOf } from './protocols.ts';

/**
 * Removes the empty items of a group's offsets that are old enough. True if any item is left.
 * Throws StoreUnavailableError.
 */
export type KeepsOffsets = (groupId: string) => Promise<boolean>;

/**
 * Drops a group that has had no members for an hour and has no offsets (Kafka's
 * GroupCoordinatorShard.cleanupGroupMetadata). A commit in progress must not be lost with the
 * group, so this takes two calls. The first marks the head. From then on a commit removes the mark
 * before it writes an offset (GroupCoordinator.checkCommit). A commit that was decided earlier
 * writes its first offset within an hour or never (rule R9). A call after that hour looks for
 * offsets again, and deletes the group on condition that the mark is still there. True if the group
 * is deleted. Throws StoreUnavailableError, MalformedBytesError.
 */
export async function dropUnused(store: GroupStore, keepsOffsets: KeepsOffsets, groupId: string): Promise<boolean> {
  const loaded = await store.load(groupId, undefined);
  const { group, isUnused, version } = loaded;
  const now = store.env.state.now();
  const emptySince = group === undefined ? undefined : protocolOf(group).summary(group).emptySince;
  if (emptySince === undefined || !isSettled(emptySince, now)) return false;
  if (isUnused && !isSettled(version, now)) return false;
  if (await keepsOffsets(groupId)) return false;
  if (!isUnused) {
    await store.markUnused(groupId, loaded);
    return false;
  }
  return (await store.commit(groupId, loaded, undefined, now)).kind === 'committed';
}
