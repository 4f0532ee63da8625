import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Observer } from '../core/observer.ts';
import type { Random } from '../core/random.ts';
import type { Journals } from '../journal/open-journal.ts';
import type { Settings } from '../settings/settings.ts';
import type { Stores } from '../storage/ports.ts';

export interface ComposeOptions {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: Settings;
  /** The address that clients of a listener are told. */
  readonly advertised: (listener: string) => { readonly host: string; readonly port: number };
  /** Bytes of answers that have not left the process; none where answers are not sent. */
  readonly unsentBytes?: () => number;
  /** Who may do what; everybody may do everything when left out. */
  readonly authorize?: Authorize | undefined;
  /** Nobody watches when left out. */
  readonly observer?: Observer | undefined;
  /** Left out for a process that runs on by itself. */
  readonly asFunction?: FunctionTraits | undefined;
}

/** What is otherwise in a process that stands still between its requests and has few rights. */
export interface FunctionTraits {
  /** Whether its answers tell the cluster's id, which costs a read, and a write where there is none yet. */
  readonly tellsClusterId: boolean;
  /** Whether it deletes what it finds no longer needed: closed topics' items, replaced checkpoints' objects. */
  readonly tidiesUp: boolean;
  /** Larger batches are refused; bytes. */
  readonly batchBytesMax: number;
}

/** Who leads what for this process. */
export type ComposeLeadership = (options: ComposeOptions, journals: Journals, ageing: Clock) => Leadership;
