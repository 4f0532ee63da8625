import type { Clock } from '../core/clock.ts';
import type { DueJournals } from '../journal/environment.ts';
import { VIEW_AGE_MAX_MS } from '../journal/writer/decide-next.ts';
import { answerWithin } from '../kit/deadline.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { type ItemStore, MAX_SIGNATURE_AGE_MS, StoreUnavailableError } from '../storage/ports.ts';
import type { DueList } from './due-list.ts';
import type { SealLimits } from './seal-span.ts';

/**
 * From then on, no entry can land whose writer has put the journal on the due list: it signs within
 * VIEW_AGE_MAX_MS of its view; ms. The margin covers the time to read the view.
 */
const ENTRY_LANDED_AFTER_MS = VIEW_AGE_MAX_MS + MAX_SIGNATURE_AGE_MS + 60_000;

/** A log start that is raised is in its entry by then, unless the writer pauses; ms. */
const RAISED_AFTER_MS = 60_000;

/** Time-out of the puts; ms. A put takes about 8 ms. */
const PUT_TIMEOUT_MS = 5_000;

export interface DueJournalsOptions {
  /** The store's time is that of the journal table, which has answered before an append. */
  readonly journal: Pick<ItemStore, 'now'>;
  readonly clock: Clock;
  readonly due: DueList;
  /** Limits of a journal as far as they are known without a request. */
  readonly limitsOf: (journal: JournalId) => SealLimits;
  /** How long the entries of a deleted topic stay; ms. */
  readonly entriesGraceMs: number;
}

/**
 * Puts journals on the due list.
 *
 * Before its first entry with batches after the sealed ones, a journal is put on the list for when
 * its seal is due, so that it is sealed although nobody writes to it any more; and once more for when
 * no such entry can land any more: if the writer pauses between this and its entry, the first look
 * finds nothing to seal and the journal would not be looked at again.
 */
export function dueJournals({ journal, clock, due, limitsOf, entriesGraceMs }: DueJournalsOptions): DueJournals {
  const add = (id: JournalId, afterMs: readonly number[]) => {
    const now = journal.now();
    const added = Promise.all(afterMs.map((ms) => due.add({ kind: 'journal', name: id, at: now + ms })));
    return answerWithin(
      clock,
      PUT_TIMEOUT_MS,
      added.then(() => {}),
      () => {
        throw new StoreUnavailableError(`journal ${id} was not put on the due list within ${PUT_TIMEOUT_MS} ms`);
      },
    );
  };
  return {
    begin: (id) => {
      const { sealMs } = limitsOf(id);
      return add(id, sealMs < ENTRY_LANDED_AFTER_MS ? [sealMs, ENTRY_LANDED_AFTER_MS] : [sealMs]);
    },
    // The entry may land that much later.
    close: (id) => add(id, [entriesGraceMs + ENTRY_LANDED_AFTER_MS]),
    raiseLogStart: (id) => add(id, [RAISED_AFTER_MS]),
  };
}
