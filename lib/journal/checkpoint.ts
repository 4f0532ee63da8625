import { newNonce } from '../core/nonce.ts';
import {
  CHECKPOINT_INLINE_BYTES,
  CHECKPOINT_SK,
  type CheckpointItem,
  checkpointPk,
  decodeCheckpointItem,
  encodeCheckpointItem,
} from '../storage/items/checkpoint.ts';
import { type Item, MAX_SIGNATURE_AGE_MS, type StoreTime } from '../storage/ports.ts';
import { encodeView } from './checkpoint-codec.ts';
import type { JournalEnvironment } from './environment.ts';
import type { Journal } from './journal.ts';
import { atBlockBoundary } from './view.ts';

/**
 * Minimum time between two checkpoints of a journal; ms. It bounds the cost of writing them; a
 * replay reads the entries of this interval in about the same time.
 */
const MIN_INTERVAL_MS = 1_000;

/** An object is deleted this long after the last reference to it ended (rule R5); ms. */
export const OBJECT_GRACE_MS = 60 * 60 * 1000;

/** An object must be named within this time of its PUT (rule R5); ms. */
export const NAME_WITHIN_MS = 10 * 60 * 1000;

/**
 * For an object older than this two things are certain: nothing will name it any more (signed within
 * NAME_WITHIN_MS, landed within MAX_SIGNATURE_AGE_MS after that), and if something names it, it has
 * done so for the grace period (rule R5); ms.
 */
export const OBJECT_SETTLED_AFTER_MS = NAME_WITHIN_MS + MAX_SIGNATURE_AGE_MS + OBJECT_GRACE_MS;

/**
 * Attempts to put one checkpoint. Each conflict returns the stored checkpoint, which the next
 * attempt replaces.
 */
const PUT_ATTEMPTS = 3;

/**
 * Writes a journal's checkpoints when its blocks close, one at a time and concurrently with
 * appends.
 */
export class Checkpointer {
  readonly #journal: Journal;
  readonly #env: JournalEnvironment;
  #running: Promise<void> | undefined;
  #lastAt = Number.NEGATIVE_INFINITY;
  #known: { version: number; key: string | undefined } | undefined;
  /** Objects that are no longer referenced, each with the store time when that was noticed. */
  #unnamed: { key: string; since: StoreTime }[] = [];

  constructor(journal: Journal) {
    this.#journal = journal;
    this.#env = journal.env;
  }

  /**
   * Starts a checkpoint if one is due. A failure is only logged: the next checkpoint covers the
   * same entries.
   */
  poke(): void {
    const now = this.#env.clock.monotonic();
    if (!atBlockBoundary(this.#journal.view) || this.#running !== undefined) return;
    if (now - this.#lastAt < MIN_INTERVAL_MS) return;
    this.#lastAt = now;
    this.#running = this.write().finally(() => {
      this.#running = undefined;
    });
  }

  /** Resolves when the running checkpoint, if any, has ended. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Stores the current view, unless the stored checkpoint is newer. Never rejects. */
  async write(): Promise<void> {
    try {
      await this.#put(this.#journal.view.seq, encodeView(this.#journal.view));
      await this.#collect();
    } catch (error) {
      this.#warn(String(error));
    }
  }

  async #put(seq: number, bytes: Buffer): Promise<void> {
    // Checkpoints only go up (rule R4).
    if (this.#known !== undefined && this.#known.version >= seq) return;
    const { state } = this.#env.stores;
    const pk = checkpointPk(this.#journal.id);
    const placed = await this.#place(seq, bytes);
    if (placed === undefined) return;
    const nonce = newNonce(this.#env.random);
    const item: Item = { pk, sk: CHECKPOINT_SK, version: seq, nonce, body: encodeCheckpointItem(placed.item) };
    for (let attempt = 0; attempt < PUT_ATTEMPTS; attempt++) {
      const condition =
        this.#known === undefined
          ? ({ kind: 'absent' } as const)
          : ({ kind: 'version', version: this.#known.version } as const);
      const outcome = await state.put(item, condition, { signBefore: placed.storedAt + NAME_WITHIN_MS });
      const landed = outcome.kind === 'committed' || (outcome.kind === 'conflict' && outcome.existing?.nonce === nonce);
      if (landed) {
        this.#forget(this.#known?.key);
        this.#known = { version: seq, key: keyOf(placed.item) };
        return;
      }
      if (outcome.kind === 'conflict') {
        const existing = outcome.existing;
        // The known checkpoint was replaced, by another process or by an earlier put of this one
        // that had no answer.
        this.#forget(this.#known?.key);
        this.#known =
          existing === undefined
            ? undefined
            : { version: existing.version, key: keyOf(decodeCheckpointItem(existing.body)) };
        if (existing !== undefined && existing.version >= seq) return this.#forget(keyOf(placed.item));
        continue;
      }
      if (outcome.kind === 'refused') this.#forget(keyOf(placed.item));
      return this.#warn(outcome.message);
    }
  }

  async #place(seq: number, bytes: Buffer): Promise<{ item: CheckpointItem; storedAt: StoreTime } | undefined> {
    if (bytes.length <= CHECKPOINT_INLINE_BYTES) {
      return { item: { kind: 'inline', bytes }, storedAt: this.#env.stores.state.now() };
    }
    const key = `checkpoint/${this.#journal.id}/${seq}-${newNonce(this.#env.random)}`;
    const outcome = await this.#env.stores.blobs.put(key, [bytes]);
    if (outcome.kind === 'stored') return { item: { kind: 'blob', key }, storedAt: outcome.storeTime };
    this.#warn(outcome.message);
    return undefined;
  }

  #forget(key: string | undefined): void {
    if (key !== undefined && this.#env.collectsObjects !== false)
      this.#unnamed.push({ key, since: this.#env.stores.state.now() });
  }

  async #collect(): Promise<void> {
    const before = this.#env.stores.state.now() - OBJECT_GRACE_MS;
    while (this.#unnamed.length > 0 && this.#unnamed[0]!.since < before) {
      await this.#env.stores.blobs.delete(this.#unnamed[0]!.key);
      this.#unnamed.shift();
    }
  }

  #warn(message: string): void {
    this.#env.logger.log('warn', { event: 'checkpoint_failed', journal: this.#journal.id, message });
  }
}

function keyOf(item: CheckpointItem): string | undefined {
  return item.kind === 'blob' ? item.key : undefined;
}
