import { type ErrorName, errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import { EntriesGoneError } from '../../journal/batch-search.ts';
import { isUnreadable } from '../../journal/read.ts';
import { type ListedOffset, listOffset } from '../../log/list-offsets.ts';
import { listNoRecords } from '../../log/no-records.ts';
import type { ApiKey } from '../../protocol/apis.ts';
import { topicResource } from '../authorize.ts';
import type { Handler } from '../broker.ts';
import { each } from '../each.ts';
import { notToFence } from '../leading.ts';

/**
 * ListOffsets, versions 1 to 11: latest (-1), earliest (-2), max timestamp (-3), earliest local (-4, the same as earliest here),
 * latest tiered and earliest pending upload (-5, -6: always none), or the first record at or after a timestamp.
 */
export const listOffsets: Handler<typeof ApiKey.ListOffsets> = async (broker, request, version, context) => {
  const isolation = request.isolationLevel === 1 ? 'read_committed' : 'read_uncommitted';
  const list = async (name: string, index: number, timestamp: number, epoch: number): Promise<ListedOffset> => {
    if (!broker.authorize(context, 'DESCRIBE', topicResource(name))) return failed('TOPIC_AUTHORIZATION_FAILED');
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
  const asked = request.topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ name, ...partition })),
  );
  const listed = await each(
    broker,
    asked,
    async ({ name, partitionIndex, timestamp, currentLeaderEpoch }) => {
      const { error, offset, ...found } = await list(name, partitionIndex, timestamp, currentLeaderEpoch);
      const answer = { partitionIndex, errorCode: errorCode(error), timestamp: found.timestamp, offset };
      return version >= FIRST_WITH_EPOCH ? { ...answer, leaderEpoch: found.leaderEpoch } : answer;
    },
    ({ name, partitionIndex, timestamp, currentLeaderEpoch }) =>
      `${name}/${partitionIndex}/${timestamp}/${currentLeaderEpoch}`,
  );
  let next = 0;
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(() => listed[next++]!),
  }));
  return { topics };
};

/** What one partition's answer tells without harm to the others: stored bytes are not to be had, or not to be understood. */
function isStoresFault(error: unknown): error is Error {
  return error instanceof EntriesGoneError || isUnreadable(error);
}

/** Answers tell the leader epoch from this version on. */
const FIRST_WITH_EPOCH = 4;

function failed(error: ErrorName): ListedOffset {
  return { error, offset: NO_OFFSET, timestamp: -1, leaderEpoch: -1 };
}
