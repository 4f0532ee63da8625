import type { ChangeEnvironment } from '../kit/change-item.ts';
import { KeyIndex } from '../kit/key-index.ts';
import { encodeGroupIndexEntry } from '../storage/items/group-index.ts';
import { GROUPS_PK } from '../storage/items/group-keys.ts';

/** The ids of all groups, so that a list does not scan the table. */
export type GroupIndex = KeyIndex;

export function groupIndex(env: ChangeEnvironment): GroupIndex {
  return new KeyIndex(env, GROUPS_PK, encodeGroupIndexEntry());
}
