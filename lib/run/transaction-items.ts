import { TransactionItems } from '../transactions/transaction-items.ts';
import { TransactionReader } from '../transactions/transaction-reader.ts';
import type { Engine } from './compose.ts';
import type { ComposeOptions } from './compose-options.ts';

/** The coordinator items, which a process's coordinator and its log share. */
export function transactionItems({ stores, clock, random }: ComposeOptions): TransactionItems {
  return new TransactionItems({ state: stores.state, clock, random });
}

/** What the tools for transactions read. */
export function transactionReader(
  { stores, clock, random, logger }: ComposeOptions,
  { broker }: Engine,
  items: TransactionItems,
): TransactionReader {
  return new TransactionReader({ state: stores.state, clock, random, logger, turns: broker.turns, items });
}
