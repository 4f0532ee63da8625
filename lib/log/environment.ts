import type { Authorize } from '../auth/authorize.ts';
import type { Leadership } from '../cluster/leadership.ts';
import type { Clock } from '../core/clock.ts';
import type { Turns } from '../kit/turns.ts';
import type { ProduceValidation } from '../records/produce-rules.ts';
import type { SegmentReader } from '../segments/segment-reader.ts';
import type { HeldReaders } from './held-readers.ts';
import type { OpenTransactions } from './open-transactions.ts';
import type { Partitions } from './partitions.ts';
import type { ReadBudget } from './read-budget.ts';

/** The dependencies of every request for partitions. */
export interface PartitionsEnvironment {
  readonly clock: Clock;
  /** Shared by all long requests of the process. */
  readonly turns: Turns;
  readonly partitions: Partitions;
  readonly leadership: Leadership;
  readonly authorize: Authorize;
}

export interface AppendEnvironment extends PartitionsEnvironment {
  /** How thoroughly batches are validated. */
  readonly validation: ProduceValidation;
  /** Larger batches are refused, even if their topic allows them; bytes. Default: no limit. */
  readonly batchBytesMax?: number | undefined;
  /** The transaction coordinator. */
  readonly transactions: OpenTransactions;
}

export interface ReadEnvironment extends PartitionsEnvironment {
  readonly readBudget: ReadBudget;
  /** Reads sealed history. */
  readonly segments: SegmentReader;
  /** Looks after readers that wait behind an open transaction. */
  readonly heldReaders: HeldReaders;
}

/** The dependencies of the log. */
export type LogEnvironment = AppendEnvironment & ReadEnvironment;
