import type { JournalId } from '../storage/items/journal-entry.ts';
import { Appender } from './append.ts';
import { AppendQueue } from './append-queue.ts';
import { Checkpointer } from './checkpoint.ts';
import type { JournalEnvironment } from './environment.ts';
import { Journal } from './journal.ts';
import { PartitionOrder } from './partition-order.ts';
import { Tail } from './tail.ts';

/** A journal with all that works on it in this process. */
export interface OpenJournal {
  readonly journal: Journal;
  readonly queue: AppendQueue;
  readonly order: PartitionOrder;
  readonly tail: Tail;
  readonly checkpointer: Checkpointer;
}

/** Journals kept open; beyond it the least recently used idle one is let go, and read anew when it is needed. */
const OPEN_JOURNALS_MAX = 1_000;

/** The journals that this process works with, opened when first needed. */
export class Journals {
  readonly #env: JournalEnvironment;
  /** In order of use, oldest first. */
  readonly #open = new Map<JournalId, OpenJournal>();
  readonly #opening = new Map<JournalId, Promise<OpenJournal | undefined>>();

  constructor(env: JournalEnvironment) {
    this.#env = env;
  }

  get env(): JournalEnvironment {
    return this.#env;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Those that are open, least recently used first; for whoever watches, not counted as use. */
  opened(): IterableIterator<OpenJournal> {
    return this.#open.values();
  }

  /** The journal if it is open already. */
  peek(id: JournalId): OpenJournal | undefined {
    const known = this.#open.get(id);
    if (known === undefined) return undefined;
    this.#open.delete(id);
    this.#open.set(id, known);
    return known;
  }

  /** Undefined if the journal does not exist. Throws StoreUnavailableError. */
  async open(id: JournalId): Promise<OpenJournal | undefined> {
    const known = this.peek(id);
    if (known !== undefined) return known;
    let opening = this.#opening.get(id);
    if (opening === undefined) {
      opening = this.#load(id).finally(() => this.#opening.delete(id));
      this.#opening.set(id, opening);
    }
    return opening;
  }

  /** Forgets a journal, as after its topic was deleted; what is in flight comes to its end. */
  forget(id: JournalId): void {
    this.#open.delete(id);
  }

  /** Waits for the checkpoints that are being written. */
  async settle(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => open.checkpointer.settled()));
  }

  async #load(id: JournalId): Promise<OpenJournal | undefined> {
    const journal = await Journal.open(this.#env, id);
    if (journal === undefined) return undefined;
    const checkpointer = new Checkpointer(journal);
    const queue = new AppendQueue(journal, new Appender(journal, checkpointer));
    const open = { journal, queue, order: new PartitionOrder(), checkpointer, tail: new Tail(journal) };
    this.#open.set(id, open);
    this.#evict();
    return open;
  }

  #evict(): void {
    if (this.#open.size <= OPEN_JOURNALS_MAX) return;
    for (const [id, open] of this.#open) {
      if (!open.queue.idle || !open.order.idle || !open.tail.idle) continue;
      this.#open.delete(id);
      if (this.#open.size <= OPEN_JOURNALS_MAX) return;
    }
  }
}
