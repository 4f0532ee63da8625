import type { TransactionState } from '../storage/items/transaction.ts';
import { type ListEnvironment, listTransactions, type TransactionFilter } from './list-transactions.ts';

/** What is known of transactional ids, for tools. All methods throw StoreUnavailableError. */
export class TransactionReader {
  readonly #env: ListEnvironment;

  constructor(env: ListEnvironment) {
    this.#env = env;
  }

  /** See listTransactions. */
  list(filter: TransactionFilter): Promise<TransactionState[]> {
    return listTransactions(this.#env, filter);
  }

  /** The state of a transactional id; undefined if it is unknown. Strongly consistent. */
  async read(transactionalId: string): Promise<TransactionState | undefined> {
    return (await this.#env.items.read(transactionalId))?.state;
  }
}
