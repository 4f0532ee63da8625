import { BlockStore } from '../offsets/block-store.ts';
import { endPending } from '../offsets/end-pending.ts';
import type { PendingOffsets } from '../offsets/transactions.ts';
import { Coordinator } from '../transactions/coordinator.ts';
import type { MarkedJournals } from '../transactions/environment.ts';
import type { TransactionItems } from '../transactions/transaction-items.ts';
import { writeMarkers } from '../transactions/write-markers.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';
import { offsetSettings } from './offset-settings.ts';

/** The pending offsets of groups, for a process without groups. */
export function pendingOffsets({ stores, clock, random, settings }: ComposeOptions): PendingOffsets {
  const env = { state: stores.state, clock, random, settings: offsetSettings(settings) };
  const blocks = new BlockStore(env);
  return { endPending: (end) => endPending({ env, blocks }, end) };
}

/** A transaction coordinator. It needs the rights to append to journals. */
export function composeCoordinator(
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
