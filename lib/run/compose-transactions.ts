import type { TransactionBroker } from '../broker/broker.ts';
import type { OffsetTransactions, PendingOffsets } from '../offsets/transactions.ts';
import { Coordinator } from '../transactions/coordinator.ts';
import type { MarkedJournals } from '../transactions/environment.ts';
import type { TransactionItems } from '../transactions/transaction-items.ts';
import { writeMarkers } from '../transactions/write-markers.ts';
import type { Engine } from './compose.ts';
import { type GroupEngine, withGroups } from './compose-groups.ts';
import type { ComposeOptions } from './compose-options.ts';

/** An engine with groups and a transaction coordinator. */
export interface TransactionEngine extends GroupEngine {
  readonly broker: TransactionBroker;
}

/** Adds groups and a transaction coordinator to an engine. It needs the rights to append to journals. */
export function withTransactions<E extends Engine>(
  options: ComposeOptions,
  engine: E,
  items: TransactionItems,
): E & TransactionEngine {
  // Offsets and coordinator need each other.
  const forOffsets: OffsetTransactions = {
    join: (request) => transactions.join(request),
    meet: (transactionalId, transaction) => transactions.meet(transactionalId, transaction),
  };
  const grouped = withGroups(options, engine, forOffsets);
  const transactions: Coordinator = coordinatorOf(options, engine, items, grouped.broker.offsets);
  return { ...grouped, broker: { ...grouped.broker, transactions } };
}

function coordinatorOf(
  { stores, clock, random, settings }: ComposeOptions,
  { broker }: Engine,
  items: TransactionItems,
  offsets: PendingOffsets,
): Coordinator {
  const { producerIds, admin } = broker;
  const journals: MarkedJournals = {
    countOf: async (topicId) => (await admin.topics.getById(topicId))?.record.journals,
    write: (markers) => writeMarkers(admin.journals, markers),
  };
  const timeoutMaxMs = settings.transactionMaxTimeoutMs;
  const env = { state: stores.state, clock, random, producerIds, journals, offsets, timeoutMaxMs };
  return new Coordinator(env, items);
}
