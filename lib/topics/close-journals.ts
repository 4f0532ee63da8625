import type { JournalId } from '../storage/items/journal-entry.ts';
import type { TopicRecord } from '../storage/items/topic.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import type { AdminEnvironment } from './environment.ts';
import { journalsOf } from './topics.ts';

/** Ends all appends to a topic's journals. True if this call closed one. Throws StoreUnavailableError. */
export async function closeJournals(
  env: Pick<AdminEnvironment, 'journals'>,
  record: TopicRecord,
  deadline: number,
): Promise<boolean> {
  const closed = await Promise.all(journalsOf(record).map((id) => closeJournal(env, record.name, id, deadline)));
  return closed.includes(true);
}

/** True if this call closed the journal. */
async function closeJournal(
  env: Pick<AdminEnvironment, 'journals'>,
  name: string,
  id: JournalId,
  deadline: number,
): Promise<boolean> {
  const open = await env.journals.open(id);
  if (open === undefined) return false;
  if (!open.journal.view.closed) await open.journal.env.dueJournals?.close(open.journal.id);
  const make = (view: { closed: boolean }, time: number) =>
    view.closed ? undefined : ({ kind: 'close', time } as const);
  const outcome = await open.writer.appendEntry(make, deadline);
  if (outcome === 'timedOut') throw new StoreUnavailableError(`topic ${name} could not be closed in time`);
  return outcome === 'written';
}
