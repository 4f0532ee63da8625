import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import { encodeGroupHead, GROUP_HEAD_SK } from '../storage/items/group-head.ts';
import { groupPk } from '../storage/items/group-keys.ts';
import { isSettled } from '../storage/late-puts.ts';
import { type Item, type ItemStore, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import type { DeleteOffsets } from './environment.ts';
import type { GroupIndex } from './group-index.ts';

export interface DeletionEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly index: GroupIndex;
  readonly deleteOffsets: DeleteOffsets;
}

/**
 * Removes what is left of a group whose head says `deleting`: its offsets, leases and bodies; then the head says
 * `deleted`. Whoever meets such a head does it, so that a crash leaves nothing that another group of that id would
 * inherit. `version` is the head's, `since` as it says. Throws StoreUnavailableError.
 */
export async function finishDeletion(
  env: DeletionEnvironment,
  groupId: string,
  version: number,
  since: StoreTime,
): Promise<void> {
  const { state, clock, random } = env;
  await env.deleteOffsets(groupId, since);
  if (!(await deleteItems(state, groupId, version))) return;
  const item: Item = {
    pk: groupPk(groupId),
    sk: GROUP_HEAD_SK,
    version: Math.max(Math.floor(state.now()), version + 1),
    nonce: newNonce(random),
    body: encodeGroupHead({ kind: 'deleted', since }),
  };
  const put = await putItem(state, item, { kind: 'version', version }, clock, random);
  if (put.kind === 'committed' || put.kind === 'conflict') return;
  throw new StoreUnavailableError(`the group was not (surely) deleted: ${put.message}`);
}

/**
 * Removes the last traces of a group whose head says `deleted`, once they are old enough: what is left of its offsets, the
 * head, its entry in the index. True if they are gone. Throws StoreUnavailableError.
 */
export async function removeTraces(
  env: DeletionEnvironment,
  groupId: string,
  version: number,
  since: StoreTime,
): Promise<boolean> {
  const { state, index } = env;
  if (!isSettled(version, state.now())) return false;
  // Read before the head goes: a group that is made anew after that writes its entry again, and keeps it.
  const entry = await index.versionOf(groupId);
  if (!(await env.deleteOffsets(groupId, since))) return false;
  if (!(await deleteItems(state, groupId, version))) return false;
  const gone = await state.delete(groupPk(groupId), GROUP_HEAD_SK, version);
  if (gone.kind === 'conflict') return false;
  if (gone.kind !== 'committed') throw new StoreUnavailableError(`the group's head was not (surely) deleted`);
  if (entry !== undefined) await index.remove(groupId, entry);
  return true;
}

/**
 * Removes the entry in the index of a group that has no head: its maker, or who removed its traces, crashed in between. Not
 * before the maker's put of the head can no longer land. True if it is gone. Throws StoreUnavailableError.
 */
export async function removeEntry({ state, index }: DeletionEnvironment, groupId: string): Promise<boolean> {
  const entry = await index.versionOf(groupId);
  if (entry === undefined || !isSettled(entry, state.now())) return false;
  const { item } = await state.get(groupPk(groupId), GROUP_HEAD_SK, true);
  if (item !== undefined) return false;
  await index.remove(groupId, entry);
  return true;
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
