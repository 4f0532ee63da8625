import { GROUP_HEAD_SK } from '../storage/items/group-head.ts';
import { groupPk } from '../storage/items/group-keys.ts';
import { type ItemStore, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import type { DeleteOffsets } from './environment.ts';
import type { GroupIndex } from './group-index.ts';

export interface DeletionEnvironment {
  readonly state: ItemStore;
  readonly index: GroupIndex;
  readonly deleteOffsets: DeleteOffsets;
}

/**
 * Removes what is left of a group whose head says `deleting`: its offsets, leases and bodies, then the head, then its
 * entry in the index. Whoever meets such a head does it, so that a crash leaves nothing that another group of that id
 * would inherit. `version` is the head's, `since` as it says. Throws StoreUnavailableError.
 */
export async function finishDeletion(
  env: DeletionEnvironment,
  groupId: string,
  version: number,
  since: StoreTime,
): Promise<void> {
  const { state, index } = env;
  // Read before the head goes: a group that is made anew after that writes its entry again, and keeps it.
  const entry = await index.versionOf(groupId);
  await env.deleteOffsets(groupId, since);
  if (!(await deleteItems(state, groupId, version))) return;
  const gone = await state.delete(groupPk(groupId), GROUP_HEAD_SK, version);
  if (gone.kind === 'conflict') return;
  if (gone.kind !== 'committed') throw new StoreUnavailableError(`the group was not (surely) deleted: ${gone.message}`);
  if (entry !== undefined) await index.remove(groupId, entry);
}

/** False where the deletion was finished by somebody else, and what is there now may be another group's. */
async function deleteItems(state: ItemStore, groupId: string, version: number): Promise<boolean> {
  const pk = groupPk(groupId);
  for (let after: string | undefined; ; ) {
    const page = await state.query({ pk, ...(after === undefined ? {} : { from: `${after}\0` }), consistent: true });
    // While the head still stands after that, all that was read is of the group that is deleted.
    const { item } = await state.get(pk, GROUP_HEAD_SK, true);
    if (item?.version !== version) return false;
    for (const { sk, version: itemVersion } of page.items) {
      after = sk;
      if (sk !== GROUP_HEAD_SK) await state.delete(pk, sk, itemVersion);
    }
    if (!page.more) return true;
  }
}
