import type { Mutation } from './mutation.ts';
import { CLEANING, IMPORTS } from './mutations-cleaning.ts';
import { GROUPS, OFFSETS } from './mutations-groups.ts';
import { HISTORY } from './mutations-history.ts';
import { LEADING } from './mutations-leadership.ts';
import { READING, STORING } from './mutations-reading.ts';
import { MEMBER_TRANSACTIONS, STRAGGLERS, TRANSACTION_FACTS, TRANSACTIONS } from './mutations-transactions.ts';
import { BATCHES, WRITING } from './mutations-writing.ts';

/** All that the simulation has to notice. */
export const MUTATIONS: readonly Mutation[] = [
  ...WRITING,
  ...BATCHES,
  ...STORING,
  ...READING,
  ...OFFSETS,
  ...GROUPS,
  ...LEADING,
  ...TRANSACTION_FACTS,
  ...STRAGGLERS,
  ...MEMBER_TRANSACTIONS,
  ...TRANSACTIONS,
  ...HISTORY,
  ...CLEANING,
  ...IMPORTS,
];
