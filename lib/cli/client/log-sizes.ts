import { ApiKey } from '../../wire/apis.ts';
import { brokerRefusal } from '../failure.ts';
import type { KafkaClient } from './kafka-client.ts';
import { partitionsByLeader, type Topic, type TopicPartition } from './topics.ts';

/** Partition -> bytes of its record batches; not in the map where the broker does not know. Throws CommandError. */
export async function logSizes(
  client: KafkaClient,
  topic: Topic,
  partitions: readonly TopicPartition[],
): Promise<ReadonlyMap<number, number>> {
  const sizes = new Map<number, number>();
  await Promise.all(
    [...partitionsByLeader(partitions)].map(async ([node, led]) => {
      const topics = [{ topic: topic.name, partitions: led.map(({ index }) => index) }];
      const { errorCode, results } = await client.ask(ApiKey.DescribeLogDirs, { topics }, { node });
      const refused = errorCode !== 0 ? errorCode : results.find((one) => one.errorCode !== 0)?.errorCode;
      if (refused !== undefined) throw brokerRefusal(`The sizes of topic ${topic.name} are not known`, refused);
      for (const { partitionIndex, partitionSize, isFutureKey } of results.flatMap((one) =>
        one.topics.flatMap((found) => found.partitions),
      )) {
        if (partitionSize >= 0 && !isFutureKey) sizes.set(partitionIndex, partitionSize);
      }
    }),
  );
  return sizes;
}
