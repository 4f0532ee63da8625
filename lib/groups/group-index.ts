import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { changeItem, type ItemPut } from '../kit/change-item.ts';
import { encodeGroupIndexEntry } from '../storage/items/group-index.ts';
import { GROUPS_PK } from '../storage/items/group-keys.ts';
import { FIRST_PUT_SIGNED_WITHIN_MS } from '../storage/late-puts.ts';
import type { Item, ItemStore } from '../storage/ports.ts';

/**
 * The ids of all groups, so that a list does not scan the table. An entry may outlive its group,
 * but no group exists without an entry.
 */
export class GroupIndex {
  readonly #state: ItemStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(state: ItemStore, clock: Clock, random: Random) {
    this.#state = state;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Writes the group's entry, and gives an existing entry a new version. A concurrent removal of
   * that entry, for a deleted group of the same id, then fails. Throws StoreUnavailableError.
   */
  async add(groupId: string): Promise<void> {
    const env = { state: this.#state, clock: this.#clock, random: this.#random };
    const put = (existing: Item | undefined): ItemPut => {
      const now = this.#state.now();
      return {
        kind: 'put',
        version: Math.max(Math.floor(now) || 0, (existing?.version ?? 0) + 1),
        body: encodeGroupIndexEntry(),
        options: { signBefore: now + FIRST_PUT_SIGNED_WITHIN_MS },
      };
    };
    const first = { ...put(undefined), condition: { kind: 'absent' } } as const;
    await changeItem(env, { pk: GROUPS_PK, sk: groupId }, put, first);
  }

  /**
   * The version of a group's entry, for a later `remove`; undefined without an entry. Throws
   * StoreUnavailableError.
   */
  async versionOf(groupId: string): Promise<number | undefined> {
    return (await this.#state.get(GROUPS_PK, groupId, true)).item?.version;
  }

  /**
   * Removes the entry if it still has that version. A remaining entry without a group is harmless:
   * lists skip it.
   */
  async remove(groupId: string, version: number): Promise<void> {
    await this.#state.delete(GROUPS_PK, groupId, version);
  }

  /** All ids after `begin`, in order, strongly consistent. Throws StoreUnavailableError. */
  async *ids(begin?: string): AsyncGenerator<string> {
    let after = begin;
    for (;;) {
      const from = after === undefined ? {} : { from: `${after}\0` };
      const page = await this.#state.query({ pk: GROUPS_PK, ...from, consistent: true });
      for (const { sk } of page.items) {
        yield sk;
        after = sk;
      }
      if (!page.more) return;
    }
  }
}
