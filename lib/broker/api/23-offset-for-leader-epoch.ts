import { topicAccesses, topicResource } from '../../auth/authorize.ts';
import { errorCode } from '../../core/errors.ts';
import { NO_OFFSET } from '../../core/offset.ts';
import { ZERO_UUID } from '../../core/uuid.ts';
import { type EpochEnd, offsetForLeaderEpoch as endOfEpoch } from '../../log/leader-epoch.ts';
import { endOfEpochWithoutRecords } from '../../log/no-records.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import type { ApiKey } from '../../wire/apis.ts';
import type { Handler } from '../broker.ts';
import { each } from '../each.ts';
import { notToFence } from '../leading.ts';

/** OffsetForLeaderEpoch, versions 2 to 4: where an epoch ended, so that a consumer can tell whether its position still holds. */
export const offsetForLeaderEpoch: Handler<typeof ApiKey.OffsetForLeaderEpoch> = async (
  broker,
  request,
  _version,
  context,
) => {
  const names = request.topics.map(({ topic }) => topic);
  const decisions = await broker.authorize(context, topicAccesses('DESCRIBE', names));
  const find = async (name: string, index: number, current: number, epoch: number): Promise<EpochEnd> => {
    const failed = (error: EpochEnd['error']): EpochEnd => ({ error, leaderEpoch: -1, endOffset: NO_OFFSET });
    if (!decisions.allows('DESCRIBE', topicResource(name))) return failed('TOPIC_AUTHORIZATION_FAILED');
    try {
      const resolved = await broker.partitions.resolve({ name, id: ZERO_UUID }, index);
      if (resolved.kind === 'failed') return failed(resolved.error);
      if (resolved.kind === 'internal') return endOfEpochWithoutRecords(current, epoch);
      if (!(await broker.leadership.mayAnswer(resolved.open))) return failed('NOT_LEADER_OR_FOLLOWER');
      const end = await endOfEpoch(resolved.open, index, current, epoch);
      const problem = await notToFence(broker.leadership, resolved.open, end.error);
      return problem === undefined ? end : failed(problem);
    } catch (error) {
      if (error instanceof StoreUnavailableError) return failed('KAFKA_STORAGE_ERROR');
      throw error;
    }
  };
  const asked = request.topics.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one })));
  const found = await each(
    broker,
    asked,
    async (one) => {
      const end = await find(one.topic, one.partition, one.currentLeaderEpoch, one.leaderEpoch);
      const { leaderEpoch, endOffset } = end;
      return { partition: one.partition, errorCode: errorCode(end.error), leaderEpoch, endOffset };
    },
    ({ topic, partition, currentLeaderEpoch, leaderEpoch }) =>
      `${topic}/${partition}/${currentLeaderEpoch}/${leaderEpoch}`,
  );
  let next = 0;
  const topics = request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(() => found[next++]!),
  }));
  return { topics };
};
