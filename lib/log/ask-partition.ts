import type { ErrorName } from '../core/errors.ts';
import { EntriesGoneError } from '../journal/batch-search.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';
import type { TopicAccess } from './access.ts';
import type { PartitionsEnvironment } from './environment.ts';
import { findPartition } from './find-partition.ts';
import { lead } from './leading.ts';
import type { TopicReference } from './partitions.ts';

/** An answer, with its error or NONE. */
export interface Answer {
  readonly error: ErrorName;
}

export interface Question<A extends Answer> {
  /** Throws StoreUnavailableError, MalformedBytesError and EntriesGoneError. */
  readonly ask: (open: OpenJournal) => Promise<A>;
  /** The answer for a partition without a journal. */
  readonly withoutRecords: () => A;
  /** `reason`: why the store could not be read, for operators. */
  readonly failed: (error: ErrorName, reason?: string) => A;
}

/**
 * Answers a request that needs no leader epoch of this process's own, if the client is authorized.
 */
export async function askPartition<A extends Answer>(
  { partitions, leadership }: Pick<PartitionsEnvironment, 'partitions' | 'leadership'>,
  access: TopicAccess,
  asked: { readonly topic: TopicReference; readonly partition: number },
  { ask, withoutRecords, failed }: Question<A>,
): Promise<A> {
  try {
    const found = await findPartition(partitions, access, asked.topic, asked.partition);
    if (found.kind === 'failed') return failed(found.error);
    if (found.kind === 'internal') return withoutRecords();
    if (!(await leadership.mayAnswer(found.open))) return failed('NOT_LEADER_OR_FOLLOWER');
    const answer = await ask(found.open);
    if (answer.error !== 'FENCED_LEADER_EPOCH') return answer;
    // A fenced client looks for the newer epoch in Metadata. Other nodes get that epoch from the
    // leader item, and the node that took over may have crashed before it wrote the item. So a node
    // leads the journal itself before it fences a client.
    const led = await lead(leadership, found.open);
    return led.kind === 'leads' ? answer : failed(led.error);
  } catch (error) {
    if (!(error instanceof EntriesGoneError || isUnreadable(error))) throw error;
    return failed('KAFKA_STORAGE_ERROR', error.message);
  }
}
