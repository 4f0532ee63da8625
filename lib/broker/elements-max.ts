import { ApiKey } from '../wire/apis.ts';

/**
 * Partitions and topics that one request may name where each costs a look at what is in memory, or a share of a read: twice
 * what TOPICS_NAMED_MAX allows, as each may name a partition. Decoding so many takes some 100 ms, in which nobody else is served.
 */
const LOOKED_UP_MAX = 200_000;

/** Things that one request may name where each costs reads of its own, or work that grows with others like it. */
const READ_MAX = 20_000;

/**
 * Things that one request may name where each is written by itself: at some 100 a second, this is more than any time-out
 * of a client leaves room for. What Kafka bounds by 10,000 (QuorumController.MAX_RECORDS_PER_USER_OP) is answered with Kafka's error.
 */
const WRITTEN_MAX = 10_000;

/** The APIs for which `READ_MAX` is not right. */
const ELEMENTS_MAX: ReadonlyMap<ApiKey, number> = new Map([
  [ApiKey.Produce, LOOKED_UP_MAX],
  [ApiKey.Fetch, LOOKED_UP_MAX],
  [ApiKey.ListOffsets, LOOKED_UP_MAX],
  [ApiKey.Metadata, LOOKED_UP_MAX],
  [ApiKey.OffsetCommit, LOOKED_UP_MAX],
  [ApiKey.OffsetFetch, LOOKED_UP_MAX],
  [ApiKey.OffsetDelete, LOOKED_UP_MAX],
  [ApiKey.OffsetForLeaderEpoch, LOOKED_UP_MAX],
  [ApiKey.DescribeLogDirs, LOOKED_UP_MAX],
  [ApiKey.ElectLeaders, LOOKED_UP_MAX],
  [ApiKey.DescribeTopicPartitions, LOOKED_UP_MAX],
  // Members list the partitions that they own.
  [ApiKey.ConsumerGroupHeartbeat, LOOKED_UP_MAX],
  // A request beyond Kafka's bound is answered with Kafka's error, so it has to be read first.
  [ApiKey.AlterConfigs, LOOKED_UP_MAX],
  [ApiKey.IncrementalAlterConfigs, LOOKED_UP_MAX],
  [ApiKey.DescribeConfigs, LOOKED_UP_MAX],
  // A topic may be created with an assignment for each of its partitions.
  [ApiKey.CreateTopics, LOOKED_UP_MAX],
  [ApiKey.CreatePartitions, LOOKED_UP_MAX],
  [ApiKey.DeleteTopics, WRITTEN_MAX],
  [ApiKey.DeleteGroups, READ_MAX],
]);

/**
 * How many elements the arrays of one request may have together. A request with more is not served, and its connection is
 * closed: Kafka has no such bound, and no error for it.
 */
export function elementsMax(apiKey: ApiKey): number {
  return ELEMENTS_MAX.get(apiKey) ?? READ_MAX;
}
