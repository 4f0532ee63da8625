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
 * Removes the rest of a group whose head says `deleting`: its offsets, leases and bodies. Then sets
 * the head to `deleted`. Every reader of such a head calls this, so that after a crash no later
 * group of that id inherits anything. `version`: the head's version. `since`: as stored in the
 * head. Throws StoreUnavailableError.
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
  throw new StoreUnavailableError(`the group may not have been deleted: ${put.message}`);
}

/**
 * Removes the last traces of a group whose head says `deleted`, once they are old enough: the
 * remaining offsets, the head and the index entry. True if they are gone. Throws
 * StoreUnavailableError.
 */
export async function removeTraces(
  env: DeletionEnvironment,
  groupId: string,
  version: number,
  since: StoreTime,
): Promise<boolean> {
  const { state, index } = env;
  if (!isSettled(version, state.now())) return false;
  // Read the entry before the head is deleted. A group created after that writes its entry again,
  // and the removal below then fails.
  const entry = await index.versionOf(groupId);
  if (!(await env.deleteOffsets(groupId, since))) return false;
  if (!(await deleteItems(state, groupId, version))) return false;
  const gone = await state.delete(groupPk(groupId), GROUP_HEAD_SK, version);
  if (gone.kind === 'conflict') return false;
  if (gone.kind !== 'committed') throw new StoreUnavailableError(`the group's head may still exist`);
  if (entry !== undefined) await index.remove(groupId, entry);
  return true;
}

/**
 * Removes the index entry of a group without a head. A crash leaves such an entry while a group is
 * created or its traces are removed. Waits until the put of a creator's head can no longer land.
 * True if the entry is gone. Throws StoreUnavailableError.
 */
export async function removeEntry({ state, index }: DeletionEnvironment, groupId: string): Promise<boolean> {
  const entry = await index.versionOf(groupId);
  if (entry === undefined || !isSettled(entry, state.now())) return false;
  const { item } = await state.get(groupPk(groupId), GROUP_HEAD_SK, true);
  if (item !== undefined) return false;
  await index.remove(groupId, entry);
  return true;
}

/**
 * False if another process has finished the deletion; the remaining items may then belong to a
 * later group.
 */
async function deleteItems(state: ItemStore, groupId: string, version: number): Promise<boolean> {
  const pk = groupPk(groupId);
  for (let after: string | undefined; ; ) {
    const page = await state.query({ pk, ...(after === undefined ? {} : { from: `${after}\0` }), consistent: true });
    // If the head is unchanged after the query, all items of the page belong to the deleted group.
    const { item } = await state.get(pk, GROUP_HEAD_SK, true);
    if (item?.version !== version) return false;
    for (const { sk, version: itemVersion } of page.items) {
      after = sk;
      if (sk !== GROUP_HEAD_SK) await state.delete(pk, sk, itemVersion);
    }
    if (!page.more) return true;
  }
}
