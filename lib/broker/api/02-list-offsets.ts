import { type ErrorName, errorCode } from '../../core/errors.ts';
import type { OffsetToList } from '../../log/ask-offsets.ts';
import { type ListedOffset, noOffset, type OffsetPosition } from '../../log/list-offsets.ts';
import type { IsolationLevel } from '../../log/read-partitions.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { ListOffsets } from '../../wire/messages/02-list-offsets.ts';
import type { ReadBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';
import { mentions } from '../named-once.ts';

/**
 * ListOffsets, versions 1 to 11: latest (-1), earliest (-2), max timestamp (-3), earliest local
 * (-4, here the same as earliest), latest tiered and earliest pending upload (-5, -6: always none),
 * or the first record at or after a timestamp. A partition that is named twice is refused, once.
 */
export const listOffsets = defineApi(ListOffsets, async (broker: ReadBroker, request, version, context) => {
  const isolation = ISOLATION_LEVELS[request.isolationLevel];
  // Kafka fails on an unknown level and answers UNKNOWN_SERVER_ERROR.
  if (isolation === undefined) return refused(request, version);
  const topics = mentions(
    request.topics,
    ({ name }) => name,
    ({ partitions }) => partitions,
    ({ partitionIndex }) => partitionIndex,
  );
  const asked: OffsetToList[] = [];
  const problems = topics.flatMap(({ topic: { name }, partitions }) =>
    partitions.map(({ last, count }): ErrorName | undefined => {
      const { partitionIndex: partition, timestamp, currentLeaderEpoch } = last;
      if (count > 1) return 'INVALID_REQUEST';
      const position = positionOf(timestamp, version);
      if (position === undefined) return 'UNSUPPORTED_VERSION';
      asked.push({ topic: { name }, partition, position, currentLeaderEpoch });
      return undefined;
    }),
  );
  const listed = await broker.log.listOffsets(context, asked, isolation);
  for (const { reason } of listed) {
    if (reason !== undefined) broker.logger.log('warn', { event: 'store_unavailable', apiKey: 2, message: reason });
  }
  let next = 0;
  let nextListed = 0;
  return {
    topics: topics.map(({ topic: { name }, partitions }) => ({
      name,
      partitions: partitions.map(({ last }) => {
        const problem = problems[next++];
        const found = problem === undefined ? listed[nextListed++]! : noOffset(problem);
        return answer(last.partitionIndex, found, version);
      }),
    })),
  };
});

/** Kafka's isolation level codes (org.apache.kafka.common.IsolationLevel). */
const ISOLATION_LEVELS: readonly (IsolationLevel | undefined)[] = ['read_uncommitted', 'read_committed'];

/**
 * The special timestamps, each with the first version that has it (Kafka:
 * ReplicaManager.fetchOffset).
 */
const NAMED_POSITIONS: ReadonlyMap<number, readonly [position: OffsetPosition, since: number]> = new Map([
  [-1, ['latest', 1]],
  [-2, ['earliest', 1]],
  [-3, ['maxTimestamp', 7]],
  [-4, ['earliestLocal', 8]],
  [-5, ['latestTiered', 9]],
  [-6, ['earliestPendingUpload', 11]],
]);

/** Undefined for a negative timestamp that has no meaning in this version. */
function positionOf(timestamp: number, version: number): OffsetPosition | undefined {
  if (timestamp >= 0) return timestamp;
  const named = NAMED_POSITIONS.get(timestamp);
  return named !== undefined && version >= named[1] ? named[0] : undefined;
}

/** From this version on, answers have the leader epoch. */
const FIRST_WITH_EPOCH = 4;

function answer(partitionIndex: number, { error, offset, timestamp, leaderEpoch }: ListedOffset, version: number) {
  const found = { partitionIndex, errorCode: errorCode(error), timestamp, offset };
  return version >= FIRST_WITH_EPOCH ? { ...found, leaderEpoch } : found;
}

/** The answer to a request with a top-level error. */
function refused(request: RequestBody<typeof ApiKey.ListOffsets>, version: number) {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) =>
        answer(partitionIndex, noOffset('UNKNOWN_SERVER_ERROR'), version),
      ),
    })),
  };
}
