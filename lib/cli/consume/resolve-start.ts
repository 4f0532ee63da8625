import type { KafkaClient } from '../client/kafka-client.ts';
import { EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, offsetsAt } from '../client/offsets.ts';
import type { Topic, TopicPartition } from '../client/topics.ts';
import { CommandError } from '../failure.ts';
import type { Start } from './start.ts';

/** What is to be read of a partition. */
export interface Range {
  readonly partition: number;
  readonly start: number;
  /** The end when it was looked up, exclusive; with read_committed the last stable offset. */
  readonly end: number;
}

/** Where to begin in each partition, and where its end is now. Throws CommandError for an offset that is not there. */
export async function resolveStart(
  client: KafkaClient,
  topic: Topic,
  partitions: readonly TopicPartition[],
  start: Start,
  committed: boolean,
): Promise<Range[]> {
  const at = (timestamp: number) => offsetsAt(client, topic, partitions, timestamp, committed);
  const [begins, ends, found] = await Promise.all([
    at(EARLIEST_TIMESTAMP),
    at(LATEST_TIMESTAMP),
    start.kind === 'timestamp' ? at(start.timestamp) : undefined,
  ]);
  return partitions.map(({ index }) => {
    const begin = begins.get(index) ?? 0;
    const end = ends.get(index) ?? begin;
    return { partition: index, start: startIn(begin, end, found?.get(index) ?? -1), end };
  });

  function startIn(begin: number, end: number, foundOffset: number): number {
    switch (start.kind) {
      case 'earliest':
        return begin;
      case 'latest':
        return end;
      case 'beforeEnd':
        return Math.max(begin, end - start.count);
      case 'timestamp':
        // No record is as young, so only later ones count.
        return foundOffset < 0 ? end : foundOffset;
      case 'offset':
        if (start.offset >= begin && start.offset <= end) return start.offset;
        throw new CommandError(
          `Offset ${start.offset} is not there (OFFSET_OUT_OF_RANGE): ${topic.name} has offsets ${begin} to ${end}` +
            `${partitions.length > 1 ? ' in one of the partitions; choose one with --partition' : ''}.`,
          { kafkaError: 'OFFSET_OUT_OF_RANGE' },
        );
    }
  }
}
