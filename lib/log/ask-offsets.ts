import type { RequestContext } from '../core/context.ts';
import type { ErrorName } from '../core/errors.ts';
import { EntriesGoneError } from '../journal/batch-search.ts';
import type { OpenJournal } from '../journal/open-journal.ts';
import { isUnreadable } from '../journal/read.ts';
import { each } from '../kit/each.ts';
import { TopicAccess } from './access.ts';
import type { ReadEnvironment } from './environment.ts';
import { findPartition } from './find-partition.ts';
import { type EpochEnd, leaderEpochEnd, noEpochEnd } from './leader-epoch.ts';
import { lead } from './leading.ts';
import { type ListedOffset, listOffset, noOffset, type OffsetPosition } from './list-offsets.ts';
import { endOfEpochWithoutRecords, listNoRecords } from './no-records.ts';
import type { TopicReference } from './partitions.ts';
import type { IsolationLevel } from './read-partitions.ts';

/** A request for the offset at a position of a partition. */
export interface OffsetToList {
  readonly topic: TopicReference;
  readonly partition: number;
  readonly position: OffsetPosition;
  /** The leader epoch that the client knows; -1 for none. */
  readonly currentLeaderEpoch: number;
}

/** A request for the end of an epoch in a partition. */
export interface EpochToEnd {
  readonly topic: TopicReference;
  readonly partition: number;
  /** The leader epoch that the client knows; -1 for none. */
  readonly currentLeaderEpoch: number;
  /** The epoch whose end is requested. */
  readonly leaderEpoch: number;
}

/** See Log.listOffsets. */
export function listOffsets(
  env: ReadEnvironment,
  context: RequestContext,
  asked: readonly OffsetToList[],
  isolation: IsolationLevel,
): Promise<ListedOffset[]> {
  const access = new TopicAccess(env, context, 'DESCRIBE', asked);
  return each(env, asked, (one) => {
    const { partition, position, currentLeaderEpoch } = one;
    return askPartition(env, access, one, {
      ask: (open) => listOffset(open, partition, position, isolation, currentLeaderEpoch, env.segments),
      withoutRecords: () => listNoRecords(position, currentLeaderEpoch),
      failed: noOffset,
    });
  });
}

/** See Log.leaderEpochEnds. Identical requests share one answer. */
export function leaderEpochEnds(
  env: ReadEnvironment,
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

/** An answer, with its error or NONE. */
interface Answer {
  readonly error: ErrorName;
}

interface Question<A extends Answer> {
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
async function askPartition<A extends Answer>(
  { partitions, leadership }: ReadEnvironment,
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
