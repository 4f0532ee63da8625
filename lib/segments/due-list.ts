import { assert } from '../core/assert.ts';
import { MalformedBytesError } from '../core/bytes.ts';
import { type ChangeEnvironment, changeItem } from '../kit/change-item.ts';
import { checkDue, DUE_PK, type DueItem, dueSk, dueSkEnd, encodeDue, parseDueSk } from '../storage/items/due.ts';
import { type Item, type StoreTime, StoreUnavailableError } from '../storage/ports.ts';

/** An item of the list as it was read. */
export interface FoundDue extends DueItem {
  readonly sk: string;
  readonly version: number;
}

export interface DuePage {
  /** In order of time. */
  readonly found: readonly FoundDue[];
  /** Items whose keys or bodies this program cannot read. */
  readonly unreadable: readonly { readonly sk: string; readonly error: MalformedBytesError }[];
  /** `after` of the next page; undefined after the last one. */
  readonly next: string | undefined;
}

/**
 * The list of what has to be looked at and when. It is sparse: with nothing due, it costs one query
 * without a result. Several processes may read and change it at the same time. What they look at
 * may be due for no reason, or twice, so that looking must be repeatable. All methods throw
 * StoreUnavailableError.
 *
 * An item is never lost to a process that finishes it: the time is part of the key, so that the
 * same thing at another time is another item, and `add` raises the version of an item that is
 * there, so that `done` does not delete what was added again since it was read.
 */
export class DueList {
  readonly #env: ChangeEnvironment;

  constructor(env: ChangeEnvironment) {
    this.#env = env;
  }

  /**
   * Adds what is to be looked at from `at` on. It is stored when this returns. `done` with the
   * result takes it off the list, unless it was added again since.
   */
  async add(due: DueItem): Promise<FoundDue> {
    const { state } = this.#env;
    const { kind, name } = due;
    const at = Math.ceil(due.at);
    const sk = dueSk({ kind, name, at });
    const put = (current: Item | undefined) => {
      const version = Math.max(Math.floor(state.now()), (current?.version ?? -1) + 1);
      return { kind: 'put', version, body: encodeDue() } as const;
    };
    // Before the store's first answer its time is unknown, and the item is read first.
    const first = Number.isNaN(state.now())
      ? undefined
      : ({ ...put(undefined), condition: { kind: 'absent' } } as const);
    const changed = await changeItem(this.#env, { pk: DUE_PK, sk }, put, first);
    assert(changed.kind === 'put', 'adding to the due list changes an item');
    return { kind, name, at, sk, version: changed.item.version };
  }

  /**
   * A page of what is due by now, after the sort key `after` (undefined: from the beginning).
   * Eventually consistent: what was added or finished a moment ago may be missing or still there.
   */
  async page(after: string | undefined, limit: number): Promise<DuePage> {
    const { state } = this.#env;
    const from = after === undefined ? {} : { from: `${after}\0` };
    const to = dueSkEnd(await this.#now());
    if (after !== undefined && after >= to) return { found: [], unreadable: [], next: undefined };
    const { items, more } = await state.query({ pk: DUE_PK, ...from, to, limit, consistent: false });
    const found: FoundDue[] = [];
    const unreadable: { sk: string; error: MalformedBytesError }[] = [];
    for (const { sk, version, body } of items) {
      try {
        checkDue(body);
        found.push({ ...parseDueSk(sk), sk, version });
      } catch (error) {
        if (!(error instanceof MalformedBytesError)) throw error;
        unreadable.push({ sk, error });
      }
    }
    return { found, unreadable, next: more ? items.at(-1)?.sk : undefined };
  }

  /** How many items, at most `limit`, are due within `aheadMs` from now. Strongly consistent. */
  async count(limit: number, aheadMs: number): Promise<number> {
    const { state } = this.#env;
    const to = dueSkEnd((await this.#now()) + aheadMs);
    const { items } = await state.query({ pk: DUE_PK, to, limit, consistent: true });
    return items.length;
  }

  /** Takes an item off the list, unless it was added again since it was read. */
  async done({ sk, version }: FoundDue): Promise<void> {
    const outcome = await this.#env.state.delete(DUE_PK, sk, version);
    if (outcome.kind === 'committed' || outcome.kind === 'conflict') return;
    throw new StoreUnavailableError(`item ${DUE_PK}/${sk} was not deleted: ${outcome.message}`);
  }

  /** Adds the same thing at another time before it takes the item off the list. */
  async reschedule(found: FoundDue, at: number): Promise<void> {
    await this.add({ ...found, at });
    await this.done(found);
  }

  /** Any answer tells the store's time. */
  async #now(): Promise<StoreTime> {
    const { state } = this.#env;
    if (Number.isNaN(state.now())) await state.query({ pk: DUE_PK, limit: 1, consistent: false });
    return state.now();
  }
}
