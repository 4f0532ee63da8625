import { TransactionItems } from '../transactions/transaction-items.ts';
import type { ComposeOptions } from './compose-options.ts';

/** The coordinator items, which a process's coordinator and its log share. */
export function transactionItems({ stores, clock, random }: ComposeOptions): TransactionItems {
  return new TransactionItems({ state: stores.state, clock, random });
}
