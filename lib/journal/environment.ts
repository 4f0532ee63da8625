import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Observer } from '../core/observer.ts';
import type { Random } from '../core/random.ts';
import type { Turns } from '../kit/turns.ts';
import type { Stores } from '../storage/ports.ts';
import type { EntryCache } from './entry-cache.ts';
import type { TierLimits } from './tier.ts';
import type { WalWriter } from './wal.ts';

/** How often a journal that somebody waits for is asked for news; ms. */
export interface TailPacing {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Waiting consumers see a record of another process within about a twentieth of the silence before it. */
export const LATENCY_PACING: TailPacing = { minMs: 10, maxMs: 1_000 };
export const COST_PACING: TailPacing = { minMs: 250, maxMs: 10_000 };

/** What all journals of a process share. */
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
  /** For opening batches, which may take long. */
  readonly turns: Turns;
  /** Nobody watches when left out. */
  readonly observer?: Observer | undefined;
  /** How long a queue without anything in flight waits for more to come; not at all when left out. */
  readonly gatherMs?: number | undefined;
  /** False where the objects of replaced checkpoints are somebody else's to delete. */
  readonly collectsObjects?: boolean | undefined;
}

/** Whether views may still be believed to be young; a signature that the store calls expired ends it for all of them. */
export interface Trust {
  generation: number;
}
