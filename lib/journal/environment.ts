import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Observer } from '../core/observer.ts';
import type { Random } from '../core/random.ts';
import type { Turns } from '../kit/turns.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { Stores } from '../storage/ports.ts';
import type { EntryCache } from './entry-cache.ts';
import type { TierLimits } from './tier.ts';
import type { WalWriter } from './wal.ts';

/** Bounds of the interval between tail polls of a journal that consumers wait for; ms. */
export interface TailPacing {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Consumers see a record of another process after about a twentieth of the time since the entry of
 * another process before it.
 */
export const LATENCY_PACING: TailPacing = { minMs: 10, maxMs: 1_000 };
export const COST_PACING: TailPacing = { minMs: 250, maxMs: 10_000 };

/**
 * Puts journals on the list of what has to be looked at. All methods may be called again, settle
 * within a time-out of their own, and reject with StoreUnavailableError if the store fails.
 */
export interface DueJournals {
  /**
   * Called before the first entry with batches after the sealed ones, so that the journal is found
   * when it has to be sealed. Called again for the same entry after a lost race or a failure.
   */
  begin(journal: JournalId): Promise<void>;
  /** Called before the last entry of a journal whose topic is deleted. */
  close(journal: JournalId): Promise<void>;
  /** Called before a log start is raised into sealed history. */
  raiseLogStart(journal: JournalId): Promise<void>;
  /**
   * Called after each entry of this process, with the unsealed bytes of the journal
   * before and after it. Returns at once and does not throw. Absent in a process that stays up, which
   * looks at its journals by itself.
   */
  grew?(journal: JournalId, hotBytesBefore: number, hotBytes: number): void;
}

/** The dependencies that all journals of a process share. */
export interface JournalEnvironment {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly cache: EntryCache;
  readonly wal: WalWriter;
  readonly tier: TierLimits;
  readonly pacing: TailPacing;
  readonly trust: Trust;
  /** For decompressing batches, which may take long. */
  readonly turns: Turns;
  /** Default: no observer. */
  readonly observer?: Observer | undefined;
  /**
   * How long an idle queue waits for more batches before it makes a group; ms. Default: no wait.
   */
  readonly gatherMs?: number | undefined;
  /** Default: journals are put on no list. */
  readonly dueJournals?: DueJournals | undefined;
  /** False if another process deletes the objects of replaced checkpoints. */
  readonly collectsObjects?: boolean | undefined;
}

/**
 * Changes when the store refuses a signature as expired. The confirmations of all views are void
 * then.
 */
export interface Trust {
  generation: number;
}
