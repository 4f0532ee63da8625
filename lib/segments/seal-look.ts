import type { Clock } from '../core/clock.ts';
import type { HotZone } from '../journal/environment.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { VIEW_AGE_MAX_MS } from '../journal/writer/decide-next.ts';
import { answerWithin } from '../kit/deadline.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { type ItemStore, MAX_SIGNATURE_AGE_MS, StoreUnavailableError } from '../storage/ports.ts';
import type { DueList } from './due-list.ts';
import { repairLastSeal } from './repair-items.ts';
import { sealJournal } from './seal.ts';
import type { SealEnvironment } from './seal-environment.ts';
import { nextLookAt, type SealLimits } from './seal-span.ts';
import type { DueOutcome } from './sweep.ts';

/** A journal whose bytes cannot be read is tried again after this time; ms. */
const UNREADABLE_AGAIN_MS = 60 * 60 * 1000;

/**
 * Seals a journal that is on the due list: all that is due now, span by span. Also writes the items
 * of a seal whose process did not come to it. `next` is when the next seal is due.
 *
 * @param deadline by Clock.monotonic(); ms
 * @throws StoreUnavailableError
 */
export async function sealWhatIsDue(
  env: SealEnvironment,
  open: OpenJournal,
  limits: SealLimits,
  deadline: number,
): Promise<DueOutcome> {
  const { journal } = open;
  const { stores } = journal.env;
  const counts = { sealed: 0, sealedBytes: 0 };
  for (;;) {
    const outcome = await sealJournal(env, open, limits, deadline);
    switch (outcome.kind) {
      case 'sealed':
        counts.sealed += 1;
        counts.sealedBytes += outcome.bytes;
        break;
      case 'nothingDue':
        await repairLastSeal(env.index, journal);
        return { next: nextLookAt(journal.view, limits), counts };
      case 'unreadable':
        return { next: stores.journal.now() + UNREADABLE_AGAIN_MS, counts: { ...counts, unreadable: 1 } };
      case 'lost':
      case 'timedOut':
        return { next: stores.journal.now(), counts };
    }
  }
}

/**
 * From then on, no entry can land whose writer has put the journal on the due list: it signs within
 * VIEW_AGE_MAX_MS of its view; ms. The margin covers the time to read the view.
 */
const ENTRY_LANDED_AFTER_MS = VIEW_AGE_MAX_MS + MAX_SIGNATURE_AGE_MS + 60_000;

/** Time-out of the two puts; ms. A put takes about 8 ms. */
const PUT_TIMEOUT_MS = 5_000;

export interface HotZoneOptions {
  /** The store's time is that of the journal table, which has answered before an append. */
  readonly journal: Pick<ItemStore, 'now'>;
  readonly clock: Clock;
  readonly due: DueList;
  /** Limits of a journal as far as they are known without a request. */
  readonly limitsOf: (journal: JournalId) => SealLimits;
}

/**
 * Puts a journal on the due list before its first entry with batches after the sealed ones, so that
 * it is sealed although nobody writes to it any more.
 *
 * The journal is due when its seal is, and once more when no such entry can land any more: if the
 * writer pauses between this and its entry, the first look finds nothing to seal and the journal
 * would not be looked at again.
 */
export function dueHotZone({ journal, clock, due, limitsOf }: HotZoneOptions): HotZone {
  const add = async (id: JournalId) => {
    const now = journal.now();
    const { sealMs } = limitsOf(id);
    const times = sealMs < ENTRY_LANDED_AFTER_MS ? [sealMs, ENTRY_LANDED_AFTER_MS] : [sealMs];
    await Promise.all(times.map((ms) => due.add({ kind: 'journal', name: id, at: now + ms })));
  };
  return {
    begin: (id) =>
      answerWithin(clock, PUT_TIMEOUT_MS, add(id), () => {
        throw new StoreUnavailableError(`journal ${id} was not put on the due list within ${PUT_TIMEOUT_MS} ms`);
      }),
  };
}
