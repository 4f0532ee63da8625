import { assert } from '../core/assert.ts';
import { each } from '../kit/each.ts';
import { type JournalId, journalId } from '../storage/items/journal-entry.ts';
import type { TransactionPartitions, TransactionState } from '../storage/items/transaction.ts';
import { complete } from './decide-end.ts';
import { isPrepared } from './decision.ts';
import type { CoordinatorEnvironment, MarkedJournals } from './environment.ts';
import type { StoredTransaction, TransactionItems } from './transaction-items.ts';

/**
 * - `complete`: the transaction is over, by this call or by that of another process.
 * - `timedOut`: some marker is not known to be written. Whoever meets the item next goes on.
 */
export type FinishOutcome = 'complete' | 'timedOut';

/**
 * Finishes a prepared transaction: markers to the journal of each listed partition, then the offsets
 * of each listed group, then the item becomes Complete. Idempotent, so that any process may do it,
 * several at once and after a crash at any point. Topics that were deleted are passed over. Throws
 * StoreUnavailableError.
 *
 * @param deadline by Clock.monotonic(); ms
 */
export async function finishTransaction(
  { journals, offsets }: Pick<CoordinatorEnvironment, 'journals' | 'offsets'>,
  items: TransactionItems,
  { state, version }: StoredTransaction,
  deadline: number,
): Promise<FinishOutcome> {
  assert(isPrepared(state), `a transaction in ${state.status} cannot be finished`);
  const { transactionalId, transaction, producerId, producerEpoch, protocol } = state;
  const producer = { producerId, producerEpoch, protocol };
  const commit = state.status === 'PrepareCommit';
  const prepared = async () => (await items.read(transactionalId))?.version === version;
  const targets = await partitionsByJournal(journals, state.partitions);
  const outcomes = await each({}, [...targets], ([journal, partitions]) =>
    journals.write({ journal, partitions, ...producer, commit, deadline, isPrepared: prepared }),
  );
  if (outcomes.includes('over')) return 'complete';
  if (outcomes.includes('timedOut')) return 'timedOut';
  await each({}, [...state.groups], (groupId) =>
    offsets.endPending({ groupId, transactionalId, producerId, transaction, commit, isPrepared: prepared }),
  );
  await items.step(transactionalId, (current, now) =>
    current !== undefined && isSame(current, state)
      ? { kind: 'put', state: complete(current, now) }
      : { kind: 'done', state },
  );
  return 'complete';
}

/** Whether the item is still the prepared one: each end has a number, or an epoch, of its own. */
function isSame(current: TransactionState, prepared: TransactionState): boolean {
  return (
    current.status === prepared.status &&
    current.transaction === prepared.transaction &&
    current.producerId === prepared.producerId &&
    current.producerEpoch === prepared.producerEpoch
  );
}

async function partitionsByJournal(
  journals: Pick<MarkedJournals, 'countOf'>,
  topics: TransactionPartitions,
): Promise<Map<JournalId, number[]>> {
  const counts = await each({}, [...topics.keys()], (topicId) => journals.countOf(topicId));
  const found = new Map<JournalId, number[]>();
  for (const [index, [topicId, partitions]] of [...topics].entries()) {
    const count = counts[index];
    if (count === undefined) continue;
    for (const partition of partitions) {
      const id = journalId(topicId, partition % count);
      found.set(id, [...(found.get(id) ?? []), partition]);
    }
  }
  return found;
}
