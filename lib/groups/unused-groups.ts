import { isSettled } from '../storage/late-puts.ts';
import type { GroupStore } from './group-store.ts';
import { protocolOf } from './protocols.ts';

/**
 * Whether anything is left of a group's offsets once those of its items that are empty are removed; an empty one that was
 * written lately counts. Throws StoreUnavailableError.
 */
export type KeepsOffsets = (groupId: string) => Promise<boolean>;

/**
 * Drops a group that nobody uses: without members for an hour, and without offsets (Kafka's
 * GroupCoordinatorShard.cleanupGroupMetadata). A commit that is on its way must not be lost with the group, so this takes
 * two calls. The first marks the head. From then on a commit takes the mark away before it writes an offset
 * (GroupCoordinator.checkCommit); the first offset of one that was decided before lands within an hour or never (rule
 * R9). A call after that hour looks for offsets again, and deletes the group on condition that the mark still stands.
 * True if it is deleted. Throws StoreUnavailableError, MalformedBytesError.
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
