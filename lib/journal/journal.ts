import { assert } from '../core/assert.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import { entryPk, entrySk, type JournalId, slotOf } from '../storage/items/journal-entry.ts';
import type { Item, StoreTime } from '../storage/ports.ts';
import { apply } from './apply.ts';
import { decodeEntry, type Entry } from './entry.ts';
import type { CachedEntry } from './entry-cache.ts';
import type { JournalEnvironment } from './environment.ts';
import { loadCheckpoint } from './load-checkpoint.ts';
import { Places } from './places.ts';
import { emptyView, type JournalView } from './view.ts';

/** A put to one slot whose outcome is not known yet. */
export interface PendingSlot {
  readonly seq: number;
  readonly nonce: string;
  /** Set when a read finds the slot's entry. */
  seen: 'mine' | 'taken' | undefined;
}

/**
 * This process's copy of a journal: the view, updated by reads (`catchUp`) and by its own appends.
 * All changes of the view go through `advance`.
 */
export class Journal {
  readonly id: JournalId;
  readonly env: JournalEnvironment;
  #view: JournalView;
  /**
   * Store time of the last answer that showed no entry after the view. Appends need a recent one
   * (rule R3).
   */
  #confirmedAt: StoreTime = Number.NEGATIVE_INFINITY;
  #generation = 0;
  #pending: PendingSlot | undefined;
  /** A read begins a microtask later, so that requests that came together share it. */
  readonly #reads = new SharedReads<'entries', void>(() => Promise.resolve());
  /** Whether the next read must be strongly consistent. */
  #readsStrongly = false;
  /** The slots of the next offsets that consumers will read. */
  readonly places = new Places();
  readonly #listeners = new Set<() => void>();
  #othersTime: StoreTime;

  private constructor(env: JournalEnvironment, id: JournalId, view: JournalView) {
    this.env = env;
    this.id = id;
    this.#view = view;
    this.#othersTime = view.time;
  }

  /**
   * Reads the checkpoint and the entries after it. Undefined: the journal does not exist, by a
   * strongly consistent read. Throws StoreUnavailableError.
   */
  static async open(env: JournalEnvironment, id: JournalId): Promise<Journal | undefined> {
    const view = (await loadCheckpoint(env, id)) ?? emptyView(id);
    const journal = new Journal(env, id, view);
    await journal.catchUp(true);
    return journal.view.seq < 0 ? undefined : journal;
  }

  get view(): JournalView {
    return this.#view;
  }

  /** The time of the newest entry that this process has not written itself. */
  get othersTime(): StoreTime {
    return this.#othersTime;
  }

  get confirmedAt(): StoreTime {
    return this.#generation === this.env.trust.generation ? this.#confirmedAt : Number.NEGATIVE_INFINITY;
  }

  /** Must be called when the store has shown that no entry followed the view at `storeTime`. */
  confirm(storeTime: StoreTime): void {
    this.#confirmedAt = Math.max(this.confirmedAt, storeTime);
    this.#generation = this.env.trust.generation;
  }

  /** Voids all confirmations: the next append reads first. */
  distrust(): void {
    this.#confirmedAt = Number.NEGATIVE_INFINITY;
  }

  /** Sets the pending put of this process, so that reads recognise its entry. */
  expect(pending: PendingSlot | undefined): void {
    this.#pending = pending;
  }

  /** Calls back after each change of the view. Returns a function that ends it. */
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Applies the entry in slot `seq`. Does nothing if the view already includes it. */
  advance(seq: number, nonce: string, entry: Entry, size: number, payload: Buffer | undefined): void {
    if (seq <= this.#view.seq) return;
    const isMine = this.#pending?.seq === seq && this.#pending.nonce === nonce;
    if (this.#pending?.seq === seq) this.#pending.seen = isMine ? 'mine' : 'taken';
    if (!isMine) this.#othersTime = entry.time;
    apply(this.#view, seq, entry, size);
    this.env.cache.add(this.id, { seq, entry, payload });
    for (const listener of this.#listeners) listener();
  }

  /** Applies the item of the slot after the view. */
  advanceWith(item: Item): void {
    const cached = decodeItem(item);
    this.advance(cached.seq, item.nonce, cached.entry, item.body.length, cached.payload);
  }

  /**
   * Reads to the end of the journal. `consistent` reads strongly consistent and confirms the view.
   * Concurrent calls share a query that begins after them. Throws StoreUnavailableError.
   */
  catchUp(consistent: boolean): Promise<void> {
    this.#readsStrongly ||= consistent;
    return this.#reads.read('entries', () => {
      const strongly = this.#readsStrongly;
      this.#readsStrongly = false;
      return this.#readOn(strongly);
    });
  }

  async #readOn(consistent: boolean): Promise<void> {
    let strong = consistent;
    for (let reloads = 0; ; ) {
      const page = await this.env.stores.journal.query({
        pk: entryPk(this.id),
        from: entrySk(this.#view.seq + 1),
        consistent: strong,
      });
      let gap = false;
      for (const item of page.items) {
        const seq = slotOf(item.sk);
        if (seq <= this.#view.seq) continue;
        if (seq > this.#view.seq + 1) {
          gap = true;
          break;
        }
        this.advanceWith(item);
      }
      if (gap && !strong) {
        strong = true;
        continue;
      }
      if (gap) {
        assert(reloads++ < MAX_RELOADS, `journal ${this.id} has a gap after slot ${this.#view.seq}`);
        await this.#reload();
        continue;
      }
      if (page.more) continue;
      if (strong) this.confirm(page.storeTime);
      return;
    }
  }

  /** Loads the newer checkpoint that replaces the deleted entries after the view (rule R4). */
  async #reload(): Promise<void> {
    const view = await loadCheckpoint(this.env, this.id);
    if (view === undefined || view.seq <= this.#view.seq) return;
    this.#view = view;
    this.#othersTime = view.time;
    for (const listener of this.#listeners) listener();
  }
}

/**
 * A checkpoint can be replaced while it is loaded, so more than one load may be needed. If this
 * many fail, the chain is broken.
 */
const MAX_RELOADS = 5;

/** Decodes an entry's item for the cache. Inline payloads are views of the item's body. */
export function decodeItem(item: Item): CachedEntry {
  const entry = decodeEntry(item.body);
  const inline = (entry.kind === 'records' || entry.kind === 'markers') && entry.payload.kind === 'inline';
  return { seq: slotOf(item.sk), entry, payload: inline ? entry.payload.bytes : undefined };
}
