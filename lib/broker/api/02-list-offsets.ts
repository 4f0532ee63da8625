import { topicAccesses, topicResource } from '../../auth/authorize.ts';
import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import { EntriesGoneError } from '../../journal/batch-search.ts';
import { isUnreadable } from '../../journal/read.ts';
import type { IsolationLevel } from '../../log/delayed-fetch.ts';
import {
  EARLIEST_LOCAL,
  EARLIEST_PENDING_UPLOAD,
  LATEST_TIERED,
  type ListedOffset,
  listOffset,
  MAX_TIMESTAMP,
} from '../../log/list-offsets.ts';
import { listNoRecords } from '../../log/no-records.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import type { Handler } from '../broker.ts';
import { each } from '../each.ts';
import { notToFence } from '../leading.ts';
import { mentions } from '../named-once.ts';

/**
 * ListOffsets, versions 1 to 11: latest (-1), earliest (-2), max timestamp (-3), earliest local (-4, the same as earliest here),
 * latest tiered and earliest pending upload (-5, -6: always none), or the first record at or after a timestamp. A partition that
 * is named twice is refused, once.
 */
export const listOffsets: Handler<typeof ApiKey.ListOffsets> = async (broker, request, version, context) => {
  const isolation = ISOLATION_LEVELS[request.isolationLevel];
  // Kafka fails on a level that it does not know, and answers with the error for what it did not expect.
  if (isolation === undefined) return refused(request, version);
  const names = request.topics.map(({ name }) => name);
  const decisions = await broker.authorize(context, topicAccesses('DESCRIBE', names));
  const list = async (name: string, index: number, timestamp: number, epoch: number): Promise<ListedOffset> => {
    if (!decisions.allows('DESCRIBE', topicResource(name))) return failed('TOPIC_AUTHORIZATION_FAILED');
    const since = FIRST_WITH_TIMESTAMP.get(timestamp);
    if (since !== undefined && version < since) return failed('UNSUPPORTED_VERSION');
    try {
      const resolved = await broker.partitions.resolve({ name, id: ZERO_UUID }, index);
      if (resolved.kind === 'failed') return failed(resolved.error);
      if (resolved.kind === 'internal') return listNoRecords(timestamp, epoch);
      if (!(await broker.leadership.mayAnswer(resolved.open))) return failed('NOT_LEADER_OR_FOLLOWER');
      const listed = await listOffset(resolved.open, index, timestamp, isolation, epoch);
      const problem = await notToFence(broker.leadership, resolved.open, listed.error);
      return problem === undefined ? listed : failed(problem);
    } catch (error) {
      if (!isStoresFault(error)) throw error;
      broker.logger.log('warn', { event: 'store_unavailable', apiKey: 2, message: error.message });
      return failed('KAFKA_STORAGE_ERROR');
    }
  };
  const topics = mentions(
    request.topics,
    ({ name }) => name,
    ({ partitions }) => partitions,
    ({ partitionIndex }) => partitionIndex,
  );
  const asked = topics.flatMap(({ topic: { name }, partitions }) =>
    partitions.map(({ last, count }) => ({ name, last, count })),
  );
  const listed = await each(broker, asked, async ({ name, last, count }) => {
    const { partitionIndex, timestamp, currentLeaderEpoch } = last;
    const found =
      count > 1 ? failed('INVALID_REQUEST') : await list(name, partitionIndex, timestamp, currentLeaderEpoch);
    return answer(partitionIndex, found, version);
  });
  let next = 0;
  return {
    topics: topics.map(({ topic: { name }, partitions }) => ({
      name,
      partitions: partitions.map(() => listed[next++]!),
    })),
  };
};

/** What one partition's answer tells without harm to the others: stored bytes are not to be had, or not to be understood. */
function isStoresFault(error: unknown): error is Error {
  return error instanceof EntriesGoneError || isUnreadable(error);
}

/** Kafka's numbers of the isolation levels (org.apache.kafka.common.IsolationLevel). */
const ISOLATION_LEVELS: readonly (IsolationLevel | undefined)[] = ['read_uncommitted', 'read_committed'];

/** The special timestamps that are taken from these versions on only (Kafka: ReplicaManager.fetchOffset). */
const FIRST_WITH_TIMESTAMP: ReadonlyMap<number, number> = new Map([
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
]);

/** Answers tell the leader epoch from this version on. */
const FIRST_WITH_EPOCH = 4;

function answer(partitionIndex: number, { error, offset, timestamp, leaderEpoch }: ListedOffset, version: number) {
  const found = { partitionIndex, errorCode: errorCode(error), timestamp, offset };
  return version >= FIRST_WITH_EPOCH ? { ...found, leaderEpoch } : found;
}

/** The answer to a request that is wrong as a whole: everything as it was named. */
function refused(request: RequestBody<typeof ApiKey.ListOffsets>, version: number) {
  return {
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) =>
        answer(partitionIndex, failed('UNKNOWN_SERVER_ERROR'), version),
      ),
    })),
  };
}

function failed(error: ErrorName): ListedOffset {
  return { error, offset: NO_OFFSET, timestamp: -1, leaderEpoch: -1 };
}
