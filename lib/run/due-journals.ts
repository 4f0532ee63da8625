import type { DueJournals } from '../journal/environment.ts';
import { dueJournals } from '../segments/due-journals.ts';
import { DueList } from '../segments/due-list.ts';
import type { SealLimits } from '../segments/seal-span.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import type { ComposeOptions } from './compose-options.ts';
import { type SealConfig, sealLimits, segmentSettings } from './segment-limits.ts';

/** @param configOf the config of a journal's topic; undefined if the topic is not in memory */
export type MakeDueJournals = (
  options: ComposeOptions,
  configOf: (journal: JournalId) => SealConfig | undefined,
) => DueJournals;

/** An hour, the bound in any case, is when a journal of an unknown topic is looked at. */
const UNKNOWN: SealConfig = {
  segmentBytes: Number.POSITIVE_INFINITY,
  segmentMs: Number.POSITIVE_INFINITY,
  indexIntervalBytes: 0,
  compacted: false,
  deletes: false,
  retentionMs: -1,
  maxCompactionLagMs: Number.POSITIVE_INFINITY,
};

/** The limits of a journal, as far as they are known without a request. */
export function sealLimitsOf(
  { settings }: ComposeOptions,
  configOf: (journal: JournalId) => SealConfig | undefined,
): (journal: JournalId) => SealLimits {
  const segments = segmentSettings(settings);
  return (journal) => sealLimits(configOf(journal) ?? UNKNOWN, segments);
}

/** Puts journals on the due list of the state table. */
export const listDueJournals: MakeDueJournals = (options, configOf) => {
  const { stores, clock, random, settings } = options;
  return dueJournals({
    journal: stores.journal,
    clock,
    due: new DueList({ state: stores.state, clock, random }),
    entriesGraceMs: segmentSettings(settings).entriesGraceMs,
    limitsOf: sealLimitsOf(options, configOf),
  });
};
