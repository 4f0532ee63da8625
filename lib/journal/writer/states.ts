import type { Item, StoreTime } from '../../storage/ports.ts';
import type { Entry } from '../entry.ts';
import type { PendingSlot } from '../journal.ts';
import type { WalOutcome, WalStretch } from '../wal.ts';
import type { Refused } from './decide-next.ts';
import type { Facts } from './facts.ts';
import type { Request, Work } from './work.ts';

/**
 * The states of a writer, for the first of its works:
 *
 *     idle -> starting -> [storing] -> [reading] -> [asking] -> [announcing] -> putting -> answered
 *                 ^                                                              |   ^ |      |
 *                 |                                                    no answer |   | |      v
 *                 |                                                              v   | v   the next work,
 *                 |                                                            unsure <->     or idle
 *                 |                                                              |  looking
 *             backingOff <--- another entry is in the slot, or nothing was written
 *
 * - `starting`: the next work begins in a microtask, after the current caller of `append`.
 * - `storing`: the PUT of the WAL object with the bytes is in flight.
 * - `reading`: the tail is read, because the view is too old, other writers are active, or the view
 *   refuses a batch.
 * - `asking`: the view was confirmed, and what the work needs to know from outside of the journal is
 *   read (rule R6): the transactions of `requests`, or whether a control entry is still due. If the
 *   view moves on meanwhile, it is read and asked again.
 * - `announcing`: the entry would be the first with batches after the sealed ones, and
 *   `DueJournals.begin` runs before it. Then the work is decided again.
 * - `putting`: the work was decided on the view, and the put of its entry is in flight.
 * - `unsure`: a put had no answer. The writer waits before it repeats the same put (rule R2).
 * - `looking`: the put cannot be repeated, so the slot is read instead.
 * - `backingOff`: waits before the next attempt, after a lost race or a failure of the store.
 * - `answered`: the work is done. Its callers run first, so that their next appends share a group.
 */
export type WriterState =
  | { readonly kind: 'idle' | 'starting' | 'answered' }
  | { readonly kind: 'storing'; readonly attempt: Attempt; readonly object: Promise<WalOutcome> }
  | { readonly kind: 'reading' | 'announcing'; readonly attempt: Attempt }
  | { readonly kind: 'asking'; readonly attempt: Attempt; readonly requests: readonly Request[] }
  | ({ readonly kind: 'putting' } & Putting)
  | ({ readonly kind: 'unsure' } & Putting)
  | ({ readonly kind: 'looking'; readonly refusal: Refused } & Putting)
  | { readonly kind: 'backingOff'; readonly attempt: Attempt; readonly ms: number };

/** One attempt to write a work: its object, the view, the decision, the put. */
export interface Attempt {
  readonly work: Work;
  /** Starts at 0 for each work. */
  readonly number: number;
  /** Races that this work has lost to other writers. */
  readonly losses: number;
  /** By Clock.monotonic(). */
  readonly startedAt: number;
  /** The stored bytes; undefined if they go into the entry. */
  readonly stretch: WalStretch | undefined;
  /** Whether `DueJournals.begin` has run in this attempt. */
  readonly isAnnounced: boolean;
  /** Undefined until they are asked for. */
  readonly facts: Facts | undefined;
}

/** A put of an entry. */
export interface Putting {
  readonly attempt: Attempt;
  readonly put: EntryPut;
  /** Number of earlier puts of this entry. */
  readonly tries: number;
  /**
   * Store time by which the puts without an answer were signed; undefined if every put was
   * answered.
   */
  readonly signedUntil: StoreTime | undefined;
}

export interface EntryPut {
  readonly entry: Entry;
  readonly item: Item;
  /** The bytes of the batches; undefined for an entry without batches. */
  readonly payload: Buffer | undefined;
  /** The put must be signed before this store time, however young the view is (rule R5). */
  readonly signBefore: StoreTime;
  /** The slot, and what reads have found in it. */
  readonly slot: PendingSlot;
  /** Answers the work. Called once the entry is in its slot. */
  readonly answer: () => void;
}
