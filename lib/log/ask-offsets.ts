import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import { EntriesGoneError } from '../journal/batch-search.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';
import { each } from '../kit/each.ts';
import { TopicAccess } from './access.ts';
import type { LogEnvironment } from './environment.ts';
import { findPartition } from './find-partition.ts';
import { type EpochEnd, leaderEpochEnd, noEpochEnd } from './leader-epoch.ts';
import { lead } from './leading.ts';
import { type ListedOffset, listOffset, noOffset, type OffsetPosition } from './list-offsets.ts';
import { endOfEpochWithoutRecords, listNoRecords } from './no-records.ts';
import type { TopicReference } from './partitions.ts';
import type { IsolationLevel } from './read-partitions.ts';

/** A client asks for the offset at a position of a partition. */
export interface OffsetToList {
  readonly topic: TopicReference;
  readonly partition: number;
  readonly position: OffsetPosition;
  /** The leader epoch that the client knows, -1 for none. */
  readonly currentLeaderEpoch: number;
}

/** A client asks where an epoch ended in a partition. */
export interface EpochToEnd {
  readonly topic: TopicReference;
  readonly partition: number;
  /** The leader epoch that the client knows, -1 for none. */
  readonly currentLeaderEpoch: number;
  /** The epoch that it asks about. */
  readonly leaderEpoch: number;
}

/** See Log.listOffsets. */
export function listOffsets(
  env: LogEnvironment,
  context: RequestContext,
  asked: readonly OffsetToList[],
  isolation: IsolationLevel,
): Promise<ListedOffset[]> {
  const access = new TopicAccess(env, context, 'DESCRIBE', asked);
  return each(env, asked, (one) => {
    const { partition, position, currentLeaderEpoch } = one;
    return askPartition(env, access, one, {
      ask: (open) => listOffset(open, partition, position, isolation, currentLeaderEpoch),
      withoutRecords: () => listNoRecords(position, currentLeaderEpoch),
      failed: noOffset,
    });
  });
}

/** See Log.leaderEpochEnds. Equal questions are asked once. */
export function leaderEpochEnds(
  env: LogEnvironment,
  context: RequestContext,
  asked: readonly EpochToEnd[],
): Promise<EpochEnd[]> {
  const access = new TopicAccess(env, context, 'DESCRIBE', asked);
  return each(
    env,
    asked,
    (one) => {
      const { partition, currentLeaderEpoch, leaderEpoch } = one;
      return askPartition(env, access, one, {
        ask: (open) => leaderEpochEnd(open, partition, currentLeaderEpoch, leaderEpoch),
        withoutRecords: () => endOfEpochWithoutRecords(currentLeaderEpoch, leaderEpoch),
        failed: noEpochEnd,
      });
    },
    ({ topic, partition, currentLeaderEpoch, leaderEpoch }) =>
      `${topic.name ?? topic.id}/${partition}/${currentLeaderEpoch}/${leaderEpoch}`,
  );
}

/** The answer to a question, with its error or NONE. */
interface Answer {
  readonly error: ErrorName;
}

interface Question<A extends Answer> {
  /** Throws StoreUnavailableError, MalformedBytesError and EntriesGoneError. */
  readonly ask: (open: OpenJournal) => Promise<A>;
  /** The answer of a partition that has no journal. */
  readonly withoutRecords: () => A;
  /** `reason`: why the store could not be read, for the operator. */
  readonly failed: (error: ErrorName, reason?: string) => A;
}

/** Asks a partition something that this process may answer without a leader epoch of its own, if the client may know it. */
async function askPartition<A extends Answer>(
  { partitions, leadership }: LogEnvironment,
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
    // A fenced client looks for the newer epoch in Metadata. Other nodes know it from the leader item only, and the node
    // that took over may have crashed before it wrote that. So a node leads the journal itself before it fences a client.
    const led = await lead(leadership, found.open);
    return led.kind === 'leads' ? answer : failed(led.error);
  } catch (error) {
    if (!(error instanceof EntriesGoneError || isUnreadable(error))) throw error;
    return failed('KAFKA_STORAGE_ERROR', error.message);
  }
}
