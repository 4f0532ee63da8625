import type { RequestContext } from '../core/context.ts';
import { each } from '../kit/each.ts';
import { TopicAccess } from './access.ts';
import { askPartition } from './ask-partition.ts';
import type { ReadEnvironment } from './environment.ts';
import { type EpochEnd, leaderEpochEnd, noEpochEnd } from './leader-epoch.ts';
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
