import type { JournalTail } from '../../core/context.ts';
import type { Logger } from '../../core/logger.ts';
import { entryPk, entrySk, slotOf } from '../../storage/items/journal-entry.ts';
import { type ItemStore, StoreUnavailableError } from '../../storage/ports.ts';

/** Which journals have entries behind a slot. */
export interface TailNews {
  has(journal: string, seq: number): boolean;
}

/**
 * Looks at journals in the table itself, for a gateway whose own identity may read it: one eventually
 * consistent query of one item each, half a read unit. What cannot be read counts as news, so that a
 * function is asked.
 */
export class TailWatch {
  readonly #journal: Pick<ItemStore, 'query'>;
  readonly #logger: Logger;

  constructor(journal: Pick<ItemStore, 'query'>, logger: Logger) {
    this.#journal = journal;
    this.#logger = logger;
  }

  /** Looks once at each journal, behind the lowest slot that is asked about. Never rejects. */
  async news(tails: readonly JournalTail[]): Promise<TailNews> {
    const from = new Map<string, number>();
    for (const { journal, seq } of tails) from.set(journal, Math.min(seq, from.get(journal) ?? seq));
    const newest = new Map(
      await Promise.all([...from].map(async ([id, seq]) => [id, await this.#newest(id, seq)] as const)),
    );
    return { has: (journal, seq) => (newest.get(journal) ?? Number.POSITIVE_INFINITY) > seq };
  }

  /** The newest slot; `seq` if there is none behind it, infinite if nobody knows. */
  async #newest(journal: string, seq: number): Promise<number> {
    try {
      const range = { pk: entryPk(journal), from: entrySk(seq + 1) };
      const { items } = await this.#journal.query({ ...range, reverse: true, limit: 1, consistent: false });
      return items[0] === undefined ? seq : slotOf(items[0].sk);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#logger.log('warn', { event: 'tail_watch_failed', journal, message: error.message });
      return Number.POSITIVE_INFINITY;
    }
  }
}
