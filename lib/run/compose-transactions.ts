import type { GroupBroker, TransactionBroker, TransactionReadBroker } from '../broker/broker.ts';
import type { OffsetTransactions } from '../offsets/transactions.ts';
import type { Coordinator } from '../transactions/coordinator.ts';
import type { TransactionItems } from '../transactions/transaction-items.ts';
import type { Engine } from './compose.ts';
import { composeCoordinator } from './compose-coordinator.ts';
import { type GroupEngine, withGroups } from './compose-groups.ts';
import type { ComposeOptions } from './compose-options.ts';
import { transactionReader } from './transaction-items.ts';

/** An engine with groups and a transaction coordinator. */
export interface TransactionEngine extends GroupEngine {
  readonly broker: GroupBroker & TransactionBroker & TransactionReadBroker;
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
  const transactions: Coordinator = composeCoordinator(options, engine, items, grouped.broker.offsets);
  const reader = transactionReader(options, engine, items);
  return { ...grouped, broker: { ...grouped.broker, transactions, transactionReader: reader } };
}
