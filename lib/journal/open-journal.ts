import { PlaceOrder } from '../kit/place-order.ts';
import { SharedReads } from '../kit/shared-reads.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { Checkpointer } from './checkpoint.ts';
import type { JournalEnvironment } from './environment.ts';
import { Journal } from './journal.ts';
import { Tail } from './tail.ts';
import { viewBytes } from './view-bytes.ts';
import { Writer } from './writer/writer.ts';

/** A journal and the components that work on it in this process. */
export interface OpenJournal {
  readonly journal: Journal;
  readonly writer: Writer;
  readonly order: PlaceOrder<number>;
  readonly tail: Tail;
  readonly checkpointer: Checkpointer;
}

/**
 * Memory for open journals (viewBytes), without their cached entries; bytes. Above it, journals that
 * are idle and were not used within HELD_MS are closed, the least recently used first, and loaded
 * again when needed. Enough for 10,000 quiet journals, or 100 with full indexes.
 */
const OPEN_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Interval at which the memory of open journals is measured, because they grow while in use; ms.
 */
const MEASURE_EVERY_MS = 10_000;

/**
 * A journal is not closed within this time of its last use; ms. Its user may still wait for
 * something else, such as a takeover (TAKE_OVER_MAX_MS), before it appends or waits for records. If
 * the journal were closed meanwhile, the next request would open it again, and two writers of one
 * process would not keep the order of its appends.
 */
const HELD_MS = 10_000;

interface HeldJournal extends OpenJournal {
  /** By Clock.monotonic(). */
  usedAt: number;
}

/** The open journals of this process. Each is opened at its first use. */
export class Journals {
  readonly #env: JournalEnvironment;
  /** In order of use, least recent first. */
  readonly #open = new Map<JournalId, HeldJournal>();
  readonly #opening = new SharedReads<JournalId, OpenJournal | undefined>();
  /** Journals of deleted topics that are still in use or being opened. */
  readonly #gone = new Set<JournalId>();
  readonly #bytesMax: number;
  /** The last measurement plus the journals opened since; bytes. */
  #bytes = 0;
  #measuredAt = Number.NEGATIVE_INFINITY;

  constructor(env: JournalEnvironment, bytesMax = OPEN_BYTES_MAX) {
    this.#env = env;
    this.#bytesMax = bytesMax;
  }

  get env(): JournalEnvironment {
    return this.#env;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The open journals, least recently used first. For metrics; does not count as use. */
  opened(): IterableIterator<OpenJournal> {
    return this.#open.values();
  }

  /** The journal if it is open. */
  peek(id: JournalId): OpenJournal | undefined {
    const known = this.#open.get(id);
    if (known === undefined) return undefined;
    this.#open.delete(id);
    this.#open.set(id, known);
    known.usedAt = this.#env.clock.monotonic();
    return known;
  }

  /**
   * Opens the journal if necessary. Undefined if it does not exist. Throws StoreUnavailableError.
   */
  async open(id: JournalId): Promise<OpenJournal | undefined> {
    return this.peek(id) ?? this.#opening.join(id, () => this.#load(id));
  }

  /**
   * Closes the journal of a deleted topic and drops its cached entries. If it is in use or being
   * opened, this happens once it is idle.
   */
  forget(id: JournalId): void {
    const open = this.#open.get(id);
    if (open === undefined ? this.#opening.running(id) !== undefined : !isIdle(open)) {
      this.#gone.add(id);
      return;
    }
    this.#gone.delete(id);
    this.#open.delete(id);
    this.#env.cache.forget(id);
  }

  /** Waits for the checkpoints that are being written. */
  async settle(): Promise<void> {
    await Promise.all([...this.#open.values()].map((open) => open.checkpointer.settled()));
  }

  async #load(id: JournalId): Promise<OpenJournal | undefined> {
    const journal = await Journal.open(this.#env, id);
    if (journal === undefined) return undefined;
    const checkpointer = new Checkpointer(journal);
    const writer = new Writer(journal, checkpointer);
    const usedAt = this.#env.clock.monotonic();
    const open = { journal, writer, order: new PlaceOrder<number>(), checkpointer, tail: new Tail(journal), usedAt };
    this.#open.set(id, open);
    this.#bytes += viewBytes(journal.view);
    this.#evict();
    return open;
  }

  #evict(): void {
    const now = this.#env.clock.monotonic();
    if (this.#bytes <= this.#bytesMax && now - this.#measuredAt < MEASURE_EVERY_MS) return;
    this.#measuredAt = now;
    for (const id of this.#gone) this.forget(id);
    this.#bytes = 0;
    for (const { journal } of this.#open.values()) this.#bytes += viewBytes(journal.view);
    for (const [id, open] of this.#open) {
      if (this.#bytes <= this.#bytesMax) return;
      if (now - open.usedAt < HELD_MS || !isIdle(open)) continue;
      this.#open.delete(id);
      this.#bytes -= viewBytes(open.journal.view);
    }
  }
}

function isIdle({ writer, order, tail }: OpenJournal): boolean {
  return writer.idle && order.idle && tail.idle;
}
