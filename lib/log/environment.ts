import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { Clock } from '../core/clock.ts';
import type { Turns } from '../kit/turns.ts';
import type { ProduceValidation } from '../records/produce-rules.ts';
import type { Partitions } from './partitions.ts';
import type { ReadBudget } from './read-budget.ts';

/** What the log works with. */
export interface LogEnvironment {
  readonly clock: Clock;
  /** Shared by all long requests. */
  readonly pace: Turns;
  readonly partitions: Partitions;
  readonly leadership: Leadership;
  readonly authorize: Authorize;
  readonly readBudget: ReadBudget;
  /** How much of a batch is checked. */
  readonly validation: ProduceValidation;
  /** Larger batches are refused, whatever their topic allows; no limit when left out. */
  readonly batchBytesMax?: number | undefined;
}
