import type { ErrorName } from '../core/errors.ts';
import { NO_OFFSET, type Offset } from '../core/offset.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { emptyPartition, epochEnd, type JournalView } from '../journal/view.ts';

/** A client without a leader epoch sends this (RecordBatch.NO_PARTITION_LEADER_EPOCH). */
export const NO_EPOCH = -1;

/** The error for a client with another leader epoch (KIP-320); -1 means that it has none. */
export function epochProblem(view: Pick<JournalView, 'leaderEpoch'>, known: number): ErrorName | undefined {
  if (known === NO_EPOCH || known === view.leaderEpoch) return undefined;
  return known < view.leaderEpoch ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH';
}

export interface EpochEnd {
  readonly error: ErrorName;
  /** Why the store could not be read, for operators; only with KAFKA_STORAGE_ERROR. */
  readonly reason?: string | undefined;
  /** -1 if the journal has not reached the epoch. */
  readonly leaderEpoch: number;
  readonly endOffset: Offset;
}

/** The end of an epoch in a partition, from an up-to-date view. Throws StoreUnavailableError. */
export async function leaderEpochEnd(
  open: OpenJournal,
  partition: number,
  currentLeaderEpoch: number,
  epoch: number,
): Promise<EpochEnd> {
  await open.journal.catchUp(true);
  const { view } = open.journal;
  if (view.closed) return noEpochEnd('UNKNOWN_TOPIC_OR_PARTITION');
  const fenced = epochProblem(view, currentLeaderEpoch);
  if (fenced !== undefined) return noEpochEnd(fenced);
  const end = epochEnd(view.partitions.get(partition) ?? emptyPartition(partition), view.leaderEpoch, epoch);
  return { error: 'NONE', leaderEpoch: end?.epoch ?? -1, endOffset: end?.endOffset ?? NO_OFFSET };
}

export function noEpochEnd(error: ErrorName, reason?: string): EpochEnd {
  return { error, reason, leaderEpoch: -1, endOffset: NO_OFFSET };
}
