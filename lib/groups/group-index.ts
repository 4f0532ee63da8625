import type { Clock } from '../core/clock.ts';
import { newNonce } from '../core/nonce.ts';
import type { Random } from '../core/random.ts';
import { encodeGroupIndexEntry } from '../storage/items/group-index.ts';
import { GROUPS_PK } from '../storage/items/group-keys.ts';
import { FIRST_PUT_SIGNED_WITHIN_MS } from '../storage/late-puts.ts';
import { type Item, type ItemStore, type PutCondition, StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';

/** Two who make the same group at the same time each need a put; more than a few rounds are not to be expected. */
const ATTEMPTS_MAX = 10;

/** The ids of all groups, so that listing them does not scan the table. An entry may outlive its group, never the reverse. */
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
   * Writes the group's entry, also over one that is there: whoever is removing that one for a deleted group of this id
   * finds it changed then. Throws StoreUnavailableError.
   */
  async add(groupId: string): Promise<void> {
    let existing: Item | undefined;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const now = this.#state.now();
      const item: Item = {
        pk: GROUPS_PK,
        sk: groupId,
        version: Math.max(Math.floor(now) || 0, (existing?.version ?? 0) + 1),
        nonce: newNonce(this.#random),
        body: encodeGroupIndexEntry(),
      };
      const condition: PutCondition =
        existing === undefined ? { kind: 'absent' } : { kind: 'version', version: existing.version };
      const options = { signBefore: now + FIRST_PUT_SIGNED_WITHIN_MS };
      const put = await putItem(this.#state, item, condition, this.#clock, this.#random, options);
      if (put.kind === 'committed') return;
      if (put.kind !== 'conflict')
        throw new StoreUnavailableError(`the group was not entered in the index: ${put.message}`);
      existing = put.existing;
    }
    throw new StoreUnavailableError('the group could not be entered in the index');
  }

  /** The version of a group's entry, to be removed later if it has not changed. Throws StoreUnavailableError. */
  async versionOf(groupId: string): Promise<number | undefined> {
    return (await this.#state.get(GROUPS_PK, groupId, true)).item?.version;
  }

  /** Removes an entry as it was read. One that stays points to no group and is passed over. */
  async remove(groupId: string, version: number): Promise<void> {
    await this.#state.delete(GROUPS_PK, groupId, version);
  }

  /** All ids behind `begin`, in order, strongly consistent. Throws StoreUnavailableError. */
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
