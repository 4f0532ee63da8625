import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Observer } from '../core/observer.ts';
import type { Random } from '../core/random.ts';
import type { Journals } from '../journal/open-journal.ts';
import type { TierLimits } from '../journal/tier.ts';
import type { Settings } from '../settings/settings.ts';
import type { Stores } from '../storage/ports.ts';
import type { Wake } from './wake.ts';

export interface ComposeOptions {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: Settings;
  /** The address that a listener advertises to its clients. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  /**
   * Bytes of encoded answers that the process has not sent yet. Absent if it sends no answers
   * itself.
   */
  readonly unsentBytes?: () => number;
  /** Checks clients' rights. Default: everything is allowed. */
  readonly authorize?: Authorize | undefined;
  /** Default: no observer. */
  readonly observer?: Observer | undefined;
  /** Absent for a long-running process. */
  readonly asFunction?: FunctionTraits | undefined;
  /** How batches are stored on one machine. Absent: as on AWS. */
  readonly local?: LocalLimits | undefined;
}

export interface LocalLimits {
  readonly tier: TierLimits;
  /** Concurrent writes of WAL objects. */
  readonly walInFlight: number;
}

/**
 * How a function differs from a long-running process: it is frozen between requests and has few
 * rights.
 */
export interface FunctionTraits {
  /**
   * Whether its answers contain the cluster id, which costs a read, and a write if there is none
   * yet.
   */
  readonly needsClusterId: boolean;
  /**
   * Whether it deletes obsolete data that it finds: items of closed topics, objects of replaced
   * checkpoints.
   */
  readonly collectsUnused: boolean;
  /** Whether topics' configs matter to it, so that it reads topics in use again and again. */
  readonly usesTopicConfigs: boolean;
  /** Limit for one batch, bytes. Larger ones are refused. */
  readonly batchBytesMax: number;
  /** Starts the function that seals. Absent if this one does not. */
  readonly wake?: Wake | undefined;
}

/** Builds the process's view of partition leadership. */
export type ComposeLeadership = (options: ComposeOptions, journals: Journals, ageing: Clock) => Leadership;
