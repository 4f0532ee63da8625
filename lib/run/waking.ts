import { DueList } from '../segments/due-list.ts';
import { passesSeal } from '../segments/passes-seal.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { listDueJournals, type MakeDueJournals, sealLimitsOf } from './due-journals.ts';
import { type WakeOutcome, wakeFailed, wokenInTime } from './wake.ts';

/** The item is due at once, also for a process to which the store told an earlier second; ms. */
const EARLIER_MS = 2_000;

/**
 * As `listDueJournals`, for a process that does not stay up: when an entry of this process makes a
 * seal due by size, it puts the journal on the due list as due now, and then wakes the function that
 * looks at the list. If that fails, a line is logged, once until the next success, and nothing is
 * lost: the list has the journal, for whatever looks at it next.
 */
export const wakingDueJournals: MakeDueJournals = (options, configOf) => {
  const { stores, clock, random, logger, asFunction } = options;
  const due = listDueJournals(options, configOf);
  const wake = asFunction?.wake;
  if (wake === undefined) return due;
  const list = new DueList({ state: stores.state, clock, random });
  const limitsOf = sealLimitsOf(options, configOf);
  let hasFailed = false;
  const ask = async (name: JournalId): Promise<WakeOutcome> => {
    await list.add({ kind: 'journal', name, at: stores.journal.now() - EARLIER_MS });
    return wake();
  };
  const tell = (journal: JournalId, outcome: WakeOutcome) => {
    const isFirst = outcome.kind === 'failed' && !hasFailed;
    hasFailed = outcome.kind === 'failed';
    if (isFirst) logger.log('warn', { event: 'seal_not_woken', journal, message: outcome.message });
  };
  return {
    ...due,
    grew: (journal, before, after) => {
      if (!passesSeal(before, after, limitsOf(journal).sealBytes)) return;
      const asked = ask(journal).catch((error: unknown) => wakeFailed(String(error)));
      void wokenInTime(clock, asked).then((outcome) => tell(journal, outcome));
    },
  };
};
