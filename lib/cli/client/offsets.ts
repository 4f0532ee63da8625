import { ApiKey } from '../../wire/apis.ts';
import { brokerRefusal } from '../failure.ts';
import type { KafkaClient } from './kafka-client.ts';
import { partitionsByLeader, type Topic, type TopicPartition } from './topics.ts';

/** Special timestamps of ListOffsets. */
export const LATEST_TIMESTAMP = -1;
export const EARLIEST_TIMESTAMP = -2;

/** A partition's offsets: [start, end). */
export interface OffsetRange {
  readonly start: number;
  readonly end: number;
}

/** The replica id of a consumer. */
const CONSUMER_REPLICA_ID = -1;

/**
 * Partition -> the first offset at or after a time (ms), or the beginning or end; -1 if all records
 * are older. With `committed` the end is the last stable offset. Throws CommandError.
 */
export async function offsetsAt(
  client: KafkaClient,
  topic: Topic,
  partitions: readonly TopicPartition[],
  timestamp: number,
  committed = false,
): Promise<Map<number, number>> {
  const offsets = new Map<number, number>();
  await Promise.all(
    [...partitionsByLeader(partitions)].map(async ([node, led]) => {
      const { topics } = await client.ask(
        ApiKey.ListOffsets,
        (version) => ({
          replicaId: CONSUMER_REPLICA_ID,
          ...(version >= 2 && { isolationLevel: committed ? 1 : 0 }),
          topics: [{ name: topic.name, partitions: led.map(({ index }) => ({ partitionIndex: index, timestamp })) }],
        }),
        { node },
      );
      for (const { partitionIndex, errorCode, offset } of topics[0]?.partitions ?? []) {
        if (errorCode !== 0)
          throw brokerRefusal(`The offsets of ${topic.name}-${partitionIndex} are not known`, errorCode);
        offsets.set(partitionIndex, offset);
      }
    }),
  );
  return offsets;
}

/**
 * Partition -> its offsets; with `committed` the end is the last stable offset. Throws
 * CommandError.
 */
export async function offsetRanges(
  client: KafkaClient,
  topic: Topic,
  partitions: readonly TopicPartition[],
  committed = false,
): Promise<Map<number, OffsetRange>> {
  const at = (timestamp: number) => offsetsAt(client, topic, partitions, timestamp, committed);
  const [starts, ends] = await Promise.all([at(EARLIEST_TIMESTAMP), at(LATEST_TIMESTAMP)]);
  return new Map(
    partitions.map(({ index }) => [index, { start: starts.get(index) ?? -1, end: ends.get(index) ?? -1 }]),
  );
}
