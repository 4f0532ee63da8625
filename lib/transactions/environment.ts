import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { Uuid } from '../core/uuid.ts';
import type { PendingOffsets } from '../offsets/transactions.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { ItemStore } from '../storage/ports.ts';
import type { ProducerIds } from './producer-ids.ts';

export interface TransactionsEnvironment {
  readonly state: ItemStore;
  readonly clock: Clock;
  readonly random: Random;
}

/** The markers that end a transaction in the partitions of one journal. */
export interface JournalMarkers {
  readonly journal: JournalId;
  readonly partitions: readonly number[];
  readonly producerId: number;
  /** The epoch of the markers: in version 2 the one after that of the transaction's batches. */
  readonly producerEpoch: number;
  readonly commit: boolean;
  /**
   * The version of the transaction's end. In version 1 the markers have the epoch of its batches, so
   * that the view cannot tell its marker from that of an earlier transaction. Absent for markers
   * without a coordinator item.
   */
  readonly protocol?: 1 | 2;
  /** By Clock.monotonic(); ms. */
  readonly deadline: number;
  /**
   * Reads, strongly consistent, whether the transaction is still prepared (rule R6). Called at each
   * attempt, after the view was confirmed. Absent for markers without a coordinator item.
   */
  readonly isPrepared?: () => Promise<boolean>;
}

/**
 * - `written`: each partition has its marker, from this call or from an earlier one.
 * - `gone`: the topic was deleted, so that the journal needs no markers.
 * - `over`: the transaction is not prepared any more: another process has finished it.
 * - `timedOut`: not written by the deadline, or not known to be written.
 */
export type MarkersOutcome = 'written' | 'gone' | 'over' | 'timedOut';

/** Where the markers go. */
export interface MarkedJournals {
  /** The number of a topic's journals; undefined if the topic was deleted. Throws StoreUnavailableError. */
  countOf(topicId: Uuid): Promise<number | undefined>;
  /** Writes the markers of a journal by one entry. Throws StoreUnavailableError. */
  write(markers: JournalMarkers): Promise<MarkersOutcome>;
}

export interface CoordinatorEnvironment extends TransactionsEnvironment {
  readonly producerIds: ProducerIds;
  readonly journals: MarkedJournals;
  readonly offsets: PendingOffsets;
  /** transaction.max.timeout.ms. */
  readonly timeoutMaxMs: number;
}
