import { sleep } from '../core/clock.ts';
import { randomInt } from '../core/random.ts';
import { type Item, MAX_SIGNATURE_AGE_MS, type RefusedReason, type StoreTime } from '../storage/ports.ts';
import type { Journal, PendingSlot } from './journal.ts';

/** A writer signs an append only while its view is younger than this (rule R3); ms. */
export const VIEW_AGE_MAX_MS = 60 * 60 * 1000;

/** How long one attempt waits for the store's answer; ms. A put takes about 8 ms; beyond this it is as good as lost. */
export const PUT_TIMEOUT_MS = 5_000;

/** On top of MAX_SIGNATURE_AGE_MS: for a put that the store let in at the last moment and has yet to carry out; ms. */
const LANDING_MARGIN_MS = 60_000;

const RETRY_BASE_MS = 10;
const RETRY_MAX_MS = 1_000;

/**
 * - `mine`: the item is in the slot and the view has reached it or may be moved on to it.
 * - `taken`: another entry is in the slot; `item` unless it was met (and folded in) by reading on.
 * - `refused`: surely nothing was written. `stale`: the view has to be confirmed first; `later`: try again;
 *   `tooLarge` and `rejected`: the store will not take this item.
 * - `lost`: the slot's entry is gone, deleted long after; nobody can tell whose it was.
 */
export type SlotOutcome =
  | { readonly kind: 'mine' }
  | { readonly kind: 'taken'; readonly item: Item | undefined }
  | { readonly kind: 'refused'; readonly how: SlotRefusal; readonly message: string }
  | { readonly kind: 'lost' };

export type SlotRefusal = 'stale' | 'later' | 'tooLarge' | 'rejected';

export interface SlotWrite {
  readonly item: Item;
  readonly seq: number;
  /** The put may not be signed at or after this store time, whatever the view's age (rule R5). */
  readonly signBefore: StoreTime;
}

/**
 * Writes an entry into its slot, once and for all (rule R2): after an attempt without an answer the same put is repeated
 * until the slot tells what is in it, or, where it may not be signed again (rule R5) or is refused for good, until no attempt can land
 * any more.
 */
export async function fillSlot(journal: Journal, write: SlotWrite): Promise<SlotOutcome> {
  const { item, seq } = write;
  const pending: PendingSlot = { seq, nonce: item.nonce, seen: undefined };
  journal.expect(pending);
  try {
    let unsure = false;
    /** Store time by which the attempts made so far were signed. */
    let signedUntil = Number.NEGATIVE_INFINITY;
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
          if (reason === 'expired') journal.env.trust.generation += 1;
          if (!unsure) return { kind: 'refused', how: howRefused(reason), message };
          const how = howRefused(reason);
          // Repeating it will not tell: the earlier attempts are found in the slot, or can no longer land.
          if (how !== 'later') {
            await journal.catchUp(true).catch(() => {});
            const settledAt = signedUntil + MAX_SIGNATURE_AGE_MS + LANDING_MARGIN_MS;
            if (journal.view.seq < seq && journal.confirmedAt > settledAt) return { kind: 'refused', how, message };
          }
          break;
        }
        case 'unknown':
          unsure = true;
          signedUntil = journal.env.stores.journal.now();
          break;
      }
      await backoff(journal, attempt);
    }
  } finally {
    journal.expect(undefined);
  }
}

function howRefused(reason: RefusedReason): SlotRefusal {
  switch (reason) {
    case 'stale':
    case 'expired':
      return 'stale';
    case 'throttled':
    case 'unavailable':
      return 'later';
    case 'tooLarge':
    case 'rejected':
      return reason;
  }
}

/** Waits before the next attempt: jittered, growing with the attempts made. */
export function backoff(journal: Journal, attempt: number): Promise<void> {
  const { clock, random } = journal.env;
  const bound = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(attempt, 10));
  return sleep(clock, randomInt(random, Math.ceil(bound / 2), bound + 1));
}
