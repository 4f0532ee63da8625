import type { Journals } from '../journal/open-journal.ts';
import type { JournalView } from '../journal/view.ts';
import { each } from '../kit/each.ts';
import type { Turns } from '../kit/turns.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { StoreUnavailableError } from '../storage/ports.ts';

/**
 * Journals that one request may open: each costs a few reads. The sizes of partitions in further
 * ones are unknown, unless this process has them open.
 */
const JOURNALS_OPENED_MAX = 1_000;

/** How large partitions are. */
export interface LogSizes {
  /**
   * Bytes of the partition's record batches, sealed and not sealed; undefined if that is not known.
   */
  sizeOf(journal: JournalId, partition: number): number | undefined;
}

/**
 * Reads how large the partitions of these journals are, as the store has them now. The size is not
 * known where the store does not answer.
 */
export async function logSizes(
  journals: Journals,
  turns: Pick<Turns, 'turn'>,
  ids: readonly JournalId[],
): Promise<LogSizes> {
  const views = new Map<JournalId, JournalView>();
  let opened = 0;
  await each({ turns }, [...new Set(ids)], async (id) => {
    const known = journals.peek(id);
    if (known === undefined && ++opened > JOURNALS_OPENED_MAX) return;
    try {
      if (known !== undefined) await known.journal.catchUp(false);
      const open = known ?? (await journals.open(id));
      if (open !== undefined) views.set(id, open.journal.view);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  });
  return {
    sizeOf: (journal, partition) => {
      const view = views.get(journal);
      if (view === undefined) return undefined;
      const known = view.partitions.get(partition);
      return known === undefined ? 0 : known.sealedBytes + known.hotBytes;
    },
  };
}
