import type { Item, StoreTime } from '../../storage/ports.ts';
import type { Entry } from '../entry.ts';
import type { PendingSlot } from '../journal.ts';
import type { WalOutcome, WalStretch } from '../wal.ts';
import type { Refused } from './decide-next.ts';
import type { Work } from './work.ts';

/**
 * What a writer does for the first of its works:
 *
 *     idle -> starting -> [storing] -> [reading] -> putting -> answered -> starting the next work, or idle
 *                 ^                                  |   ^ |
 *                 |                        no answer |   | | refused for good
 *                 |                                  v   | v
 *                 |                                unsure <-> looking
 *                 |                                  |
 *             backingOff <--- another entry is in the slot, or nothing was written
 *
 * - `starting`: the next work is begun once the caller of `append` has run on.
 * - `storing`: the WAL object with the bytes is being put.
 * - `reading`: the tail is read, because the view is too old, others write too, or the view refuses a batch.
 * - `putting`: the work was decided on the view, and the put of its entry is in flight.
 * - `unsure`: a put had no answer. The writer waits before it repeats the same put (rule R2).
 * - `looking`: the put may not be repeated, so that the slot is read instead.
 * - `backingOff`: waits before the next attempt, after a lost race or a failure of the store.
 * - `answered`: the work is done. Its callers run on first: what they append now goes into the next group together.
 */
export type WriterState =
  | { readonly kind: 'idle' | 'starting' | 'answered' }
  | { readonly kind: 'storing'; readonly attempt: Attempt; readonly object: Promise<WalOutcome> }
  | { readonly kind: 'reading'; readonly attempt: Attempt }
  | ({ readonly kind: 'putting' } & Putting)
  | ({ readonly kind: 'unsure' } & Putting)
  | ({ readonly kind: 'looking'; readonly refusal: Refused } & Putting)
  | { readonly kind: 'backingOff'; readonly attempt: Attempt; readonly ms: number };

/** One try to write a work: its object, the view, the decision, the put. */
export interface Attempt {
  readonly work: Work;
  /** Counts from 0 for each work. */
  readonly number: number;
  /** Races that this work has lost to other writers. */
  readonly losses: number;
  /** By Clock.monotonic(). */
  readonly startedAt: number;
  /** Where the bytes are stored; undefined if they go into the entry. */
  readonly stretch: WalStretch | undefined;
}

/** An entry on its way into its slot. */
export interface Putting {
  readonly attempt: Attempt;
  readonly put: EntryPut;
  /** Puts that were made before. */
  readonly tries: number;
  /** Store time by which the puts without an answer were signed; undefined if every put had one. */
  readonly signedUntil: StoreTime | undefined;
}

export interface EntryPut {
  readonly entry: Entry;
  readonly item: Item;
  /** The batches' bytes; undefined for an entry without batches. */
  readonly payload: Buffer | undefined;
  /** May not be signed at or after this store time, however young the view is (rule R5). */
  readonly signBefore: StoreTime;
  /** The slot, and what reads have found in it since. */
  readonly slot: PendingSlot;
  /** Answers the work. To be called once the entry is in its slot. */
  readonly answer: () => void;
}
