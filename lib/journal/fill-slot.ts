import { sleep } from '../core/clock.ts';
import { randomInt } from '../core/random.ts';
import type { Item, StoreTime } from '../storage/ports.ts';
import type { Journal, PendingSlot } from './journal.ts';

/** A writer signs an append only while its view is younger than this (rule R3); ms. */
export const VIEW_AGE_MAX_MS = 60 * 60 * 1000;

/** How long one attempt waits for the store's answer; ms. A put takes about 8 ms; beyond this it is as good as lost. */
export const PUT_TIMEOUT_MS = 5_000;

const RETRY_BASE_MS = 10;
const RETRY_MAX_MS = 1_000;

/**
 * - `mine`: the item is in the slot and the view has reached it or may be moved on to it.
 * - `taken`: another entry is in the slot; `item` unless it was met (and folded in) by reading on.
 * - `refused`: surely nothing was written. `stale`: the view has to be confirmed first; `later`: try again;
 *   `never`: the store will not take this item.
 * - `lost`: the slot's entry is gone, deleted long after; nobody can tell whose it was.
 */
export type SlotOutcome =
  | { readonly kind: 'mine' }
  | { readonly kind: 'taken'; readonly item: Item | undefined }
  | { readonly kind: 'refused'; readonly how: 'stale' | 'later' | 'never'; readonly message: string }
  | { readonly kind: 'lost' };

export interface SlotWrite {
  readonly item: Item;
  readonly seq: number;
  /** The put may not be signed at or after this store time, whatever the view's age (rule R5). */
  readonly signBefore: StoreTime;
  /** Called after each attempt without an answer: whoever cannot wait longer is to be told now. */
  readonly uncertain: () => void;
}

/**
 * Writes an entry into its slot, once and for all (rule R2): after an attempt without an answer the same put is repeated
 * until the slot tells what is in it.
 */
export async function fillSlot(journal: Journal, write: SlotWrite): Promise<SlotOutcome> {
  const { item, seq } = write;
  const pending: PendingSlot = { seq, nonce: item.nonce, seen: undefined };
  journal.expect(pending);
  try {
    let unsure = false;
    for (let attempt = 0; ; attempt++) {
      if (pending.seen === 'mine') return { kind: 'mine' };
      if (pending.seen === 'taken') return { kind: 'taken', item: undefined };
      if (journal.view.seq >= seq) return unsure ? { kind: 'lost' } : { kind: 'taken', item: undefined };
      const signBefore = Math.min(journal.confirmedAt + VIEW_AGE_MAX_MS, write.signBefore);
      const outcome = await journal.env.stores.journal.put(
        item,
        { kind: 'absent' },
        { signBefore, timeoutMs: PUT_TIMEOUT_MS },
      );
      switch (outcome.kind) {
        case 'committed':
          journal.confirm(outcome.storeTime);
          return { kind: 'mine' };
        case 'conflict':
          if (outcome.existing?.nonce === item.nonce) {
            journal.confirm(outcome.storeTime);
            return { kind: 'mine' };
          }
          return { kind: 'taken', item: outcome.existing };
        case 'refused': {
          const { reason, message } = outcome;
          const stale = reason === 'stale' || reason === 'expired';
          if (reason === 'expired') journal.env.trust.generation += 1;
          if (!unsure) {
            const how = stale ? 'stale' : reason === 'throttled' || reason === 'unavailable' ? 'later' : 'never';
            return { kind: 'refused', how, message };
          }
          if (stale) await journal.catchUp(true).catch(() => {});
          break;
        }
        case 'unknown':
          unsure = true;
          break;
      }
      if (unsure) write.uncertain();
      await backoff(journal, attempt);
    }
  } finally {
    journal.expect(undefined);
  }
}

/** Waits before the next attempt: jittered, growing with the attempts made. */
export function backoff(journal: Journal, attempt: number): Promise<void> {
  const { clock, random } = journal.env;
  const bound = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(attempt, 10));
  return sleep(clock, randomInt(random, Math.ceil(bound / 2), bound + 1));
}
