import { errorCode } from '../../core/errors.ts';
import { OffsetForLeaderEpoch } from '../../wire/messages/23-offset-for-leader-epoch.ts';
import type { ReadBroker } from '../broker.ts';
import { defineApi } from '../define-api.ts';

/**
 * OffsetForLeaderEpoch, versions 2 to 4: the end offset of an epoch, with which a consumer checks
 * that its position is still valid.
 */
export const offsetForLeaderEpoch = defineApi(
  OffsetForLeaderEpoch,
  async (broker: ReadBroker, request, _version, context) => {
    const asked = request.topics.flatMap(({ topic: name, partitions }) => {
      const topic = { name };
      return partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({
        topic,
        partition,
        currentLeaderEpoch,
        leaderEpoch,
      }));
    });
    const ends = await broker.log.leaderEpochEnds(context, asked);
    let next = 0;
    const topics = request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => {
        const { error, leaderEpoch, endOffset } = ends[next++]!;
        return { partition, errorCode: errorCode(error), leaderEpoch, endOffset };
      }),
    }));
    return { topics };
  },
);
