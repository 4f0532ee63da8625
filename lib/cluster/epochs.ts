import type { Journals } from '../journal/open-journal.ts';
import type { JournalId } from '../storage/items/journal-entry.ts';
import { isInternalTopic } from '../topics/topic-name.ts';
import { journalsOf, type Topic } from '../topics/topics.ts';
import type { LeaderItems } from './leader-items.ts';
import type { KnownEpochs } from './leadership.ts';

/** For more topics than this, one listing of all leader items is cheaper than a query per topic. */
const TOPICS_READ_SINGLY_MAX = 100;

/**
 * The epochs of topics' journals, from open views and leader items. Leader items are read only for
 * topics with a journal for which `isKnown` is false. Throws StoreUnavailableError.
 */
export async function epochsOf(
  journals: Journals,
  items: LeaderItems,
  topics: readonly Topic[],
  isKnown: (journal: JournalId) => boolean,
): Promise<KnownEpochs> {
  // An internal topic has no journals, so it has no leader items.
  const ordinary = topics.filter(({ record }) => !isInternalTopic(record.name));
  const unknown = ordinary.filter(({ record }) => !journalsOf(record).every(isKnown));
  const read = new Map<JournalId, number>();
  if (unknown.length > TOPICS_READ_SINGLY_MAX) {
    for (const [journal, epoch] of await items.allEpochs()) read.set(journal, epoch);
  } else {
    for (const epochs of await Promise.all(unknown.map(({ record }) => items.epochsOf(record.id)))) {
      for (const [journal, epoch] of epochs) read.set(journal, epoch);
    }
  }
  return {
    epochOf: (journal) => Math.max(journals.peek(journal)?.journal.view.leaderEpoch ?? 0, read.get(journal) ?? 0),
  };
}
