import type { DueJournals } from '../journal/environment.ts';
import { dueJournals } from '../segments/due-journals.ts';
import { DueList } from '../segments/due-list.ts';
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

/** Puts journals on the due list of the state table. */
export const listDueJournals: MakeDueJournals = ({ stores, clock, random, settings }, configOf) => {
  const segments = segmentSettings(settings);
  return dueJournals({
    journal: stores.journal,
    clock,
    due: new DueList({ state: stores.state, clock, random }),
    entriesGraceMs: segments.entriesGraceMs,
    limitsOf: (journal) => sealLimits(configOf(journal) ?? UNKNOWN, segments),
  });
};
