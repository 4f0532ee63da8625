import type { AdminBroker, LogBroker, ProduceBroker, ReadBroker } from '../broker/broker.ts';
import type { AppendEnvironment, PartitionsEnvironment, ReadEnvironment } from '../log/environment.ts';
import { HeldReaders } from '../log/held-readers.ts';
import { type AppendCalls, adminCalls, appendCalls, openLog, type ReadCalls, readCalls } from '../log/log.ts';
import type { LeftTransactions } from '../log/open-transactions.ts';
import { Partitions } from '../log/partitions.ts';
import { ReadBudget } from '../log/read-budget.ts';
import { SegmentFinder } from '../segments/segment-finder.ts';
import { SegmentReader } from '../segments/segment-reader.ts';
import { Joining } from '../transactions/joining.ts';
import type { TransactionItems } from '../transactions/transaction-items.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';

/**
 * The most bytes that fetches may hold, read and not yet sent: five full fetches of 50 MiB, the
 * largest default of common clients.
 */
const READ_BYTES_MAX = 256 * 1024 * 1024;

/** Adds the log (access to partitions) to an engine. */
export function withLog<E extends Engine>(
  options: ComposeOptions,
  engine: E,
  items: TransactionItems,
  transactions: LeftTransactions,
): E & { readonly broker: LogBroker } {
  const env = partitionsEnvironment(options, engine);
  const heldReaders = new HeldReaders(transactions, engine.ageing);
  return withCalls(engine, openLog({ ...appending(options, env, items), ...reading(options, env, heldReaders) }));
}

/** Adds what the function `produce` calls. */
export function withAppends(
  options: ComposeOptions,
  engine: Engine,
  items: TransactionItems,
): { readonly broker: ProduceBroker } {
  const env = partitionsEnvironment(options, engine);
  return withCalls(engine, appendCalls(appending(options, env, items)));
}

/** Adds what the function `rest` calls. */
export function withRecords<E extends Engine>(
  options: ComposeOptions,
  engine: E,
  items: TransactionItems,
  transactions: LeftTransactions,
): E & { readonly broker: LogBroker<AppendCalls & ReadCalls> } {
  const env = partitionsEnvironment(options, engine);
  const reads = readCalls(reading(options, env, new HeldReaders(transactions, engine.ageing)));
  return withCalls(engine, { ...appendCalls(appending(options, env, items)), ...reads });
}

/** Adds what the function `fetch` calls. */
export function withReads(
  options: ComposeOptions,
  engine: Engine,
  transactions: LeftTransactions,
): { readonly broker: ReadBroker } {
  const heldReaders = new HeldReaders(transactions, engine.ageing);
  return withCalls(engine, readCalls(reading(options, partitionsEnvironment(options, engine), heldReaders)));
}

/** Adds what the function `admin` calls. */
export function withAdministration(options: ComposeOptions, engine: Engine): { readonly broker: AdminBroker } {
  return withCalls(engine, adminCalls(partitionsEnvironment(options, engine)));
}

function withCalls<E extends Engine, Calls>(engine: E, log: Calls): E & { readonly broker: LogBroker<Calls> } {
  return { ...engine, broker: { ...engine.broker, log } };
}

function partitionsEnvironment({ asFunction }: ComposeOptions, { broker }: Engine): PartitionsEnvironment {
  const { clock, turns, authorize, leadership, admin } = broker;
  const partitions = new Partitions(admin.topics, admin.journals, asFunction?.collectsUnused !== false);
  return { clock, turns, partitions, leadership, authorize };
}

function appending(
  { settings, asFunction }: ComposeOptions,
  env: PartitionsEnvironment,
  items: TransactionItems,
): AppendEnvironment {
  const transactions = new Joining(items);
  return { ...env, validation: settings.produceValidation, batchBytesMax: asFunction?.batchBytesMax, transactions };
}

function reading(options: ComposeOptions, env: PartitionsEnvironment, heldReaders: HeldReaders): ReadEnvironment {
  const { settings, asFunction, stores } = options;
  const { clock } = env;
  const segments = new SegmentReader({
    index: new SegmentFinder(stores.state),
    blobs: stores.blobs,
    clock,
    cacheBytes: settings.cacheBytes,
    readsAhead: asFunction === undefined,
  });
  const readBudget = new ReadBudget(READ_BYTES_MAX, options.unsentBytes ?? (() => 0));
  return { ...env, segments, readBudget, heldReaders };
}
