import { FIRST_PUT_SIGNED_WITHIN_MS } from '../storage/late-puts.ts';
import type { Item } from '../storage/ports.ts';
import { type ChangeEnvironment, changeItem, type ItemPut } from './change-item.ts';

/**
 * A list of keys in one partition of the state table, so that what they name is found without a
 * scan. A key is added before the first item of what it names: an entry may outlive that item, but
 * no item exists without an entry.
 */
export class KeyIndex {
  readonly #env: ChangeEnvironment;
  readonly #pk: string;
  readonly #body: Buffer;

  /** @param body of each entry */
  constructor(env: ChangeEnvironment, pk: string, body: Buffer) {
    this.#env = env;
    this.#pk = pk;
    this.#body = body;
  }

  /**
   * Writes the entry of a key, and gives an existing entry a new version. A concurrent removal of
   * that entry, for something that was deleted before, then fails. Throws StoreUnavailableError.
   */
  async add(key: string): Promise<void> {
    const { state } = this.#env;
    const put = (existing: Item | undefined): ItemPut => {
      const now = state.now();
      return {
        kind: 'put',
        version: Math.max(Math.floor(now) || 0, (existing?.version ?? 0) + 1),
        body: this.#body,
        options: { signBefore: now + FIRST_PUT_SIGNED_WITHIN_MS },
      };
    };
    const first = { ...put(undefined), condition: { kind: 'absent' } } as const;
    await changeItem(this.#env, { pk: this.#pk, sk: key }, put, first);
  }

  /**
   * The version of a key's entry, for a later `remove`; undefined without an entry. Throws
   * StoreUnavailableError.
   */
  async versionOf(key: string): Promise<number | undefined> {
    return (await this.#env.state.get(this.#pk, key, true)).item?.version;
  }

  /**
   * Removes the entry if it still has that version. A remaining entry that names nothing is
   * harmless: lists skip it.
   */
  async remove(key: string, version: number): Promise<void> {
    await this.#env.state.delete(this.#pk, key, version);
  }

  /**
   * All keys after `begin` and below `end`, in order, each with its version; strongly consistent.
   * Throws StoreUnavailableError.
   */
  async *keys(begin?: string, end?: string): AsyncGenerator<{ readonly key: string; readonly version: number }> {
    const to = end === undefined ? {} : { to: end };
    let after = begin;
    for (;;) {
      const from = after === undefined ? {} : { from: `${after}\0` };
      const page = await this.#env.state.query({ pk: this.#pk, ...from, ...to, consistent: true });
      for (const { sk, version } of page.items) {
        yield { key: sk, version };
        after = sk;
      }
      if (!page.more) return;
    }
  }
}
