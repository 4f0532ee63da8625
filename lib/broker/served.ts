import { ApiKey } from '../wire/apis.ts';

/** Versions of one API. */
export interface ServedVersions {
  /** The lowest version that ApiVersions shows. */
  readonly advertisedMin: number;
  /** The lowest that is answered. */
  readonly min: number;
  readonly max: number;
}

function range(min: number, max: number, advertisedMin = min): ServedVersions {
  return { advertisedMin, min, max };
}

/** The APIs this broker answers, and no others are advertised. */
export const SERVED: ReadonlyMap<ApiKey, ServedVersions> = new Map([
  // librdkafka before 2.11.1 takes a broker without Produce 0 for one that knows no compression.
  [ApiKey.Produce, range(3, 13, 0)],
  [ApiKey.Fetch, range(4, 18)],
  [ApiKey.ListOffsets, range(1, 11)],
  [ApiKey.Metadata, range(0, 13)],
  [ApiKey.OffsetCommit, range(2, 10)],
  [ApiKey.OffsetFetch, range(1, 10)],
  // The same librdkafka compresses with lz4 only where FindCoordinator 0 is advertised.
  [ApiKey.FindCoordinator, range(0, 6)],
  // The same librdkafka serves no groups where JoinGroup 0 is not advertised.
  [ApiKey.JoinGroup, range(0, 9)],
  [ApiKey.Heartbeat, range(0, 4)],
  [ApiKey.LeaveGroup, range(0, 5)],
  [ApiKey.SyncGroup, range(0, 5)],
  [ApiKey.DescribeGroups, range(0, 6)],
  [ApiKey.ListGroups, range(0, 5)],
  [ApiKey.ApiVersions, range(0, 4)],
  [ApiKey.CreateTopics, range(2, 7)],
  [ApiKey.DeleteTopics, range(1, 6)],
  [ApiKey.InitProducerId, range(0, 5)],
  [ApiKey.OffsetForLeaderEpoch, range(2, 4)],
  [ApiKey.DescribeConfigs, range(1, 4)],
  [ApiKey.AlterConfigs, range(0, 2)],
  [ApiKey.DescribeLogDirs, range(1, 5)],
  [ApiKey.CreatePartitions, range(0, 3)],
  [ApiKey.DeleteGroups, range(0, 2)],
  [ApiKey.ElectLeaders, range(0, 2)],
  [ApiKey.IncrementalAlterConfigs, range(0, 1)],
  [ApiKey.AlterPartitionReassignments, range(0, 1)],
  [ApiKey.ListPartitionReassignments, range(0, 0)],
  [ApiKey.OffsetDelete, range(0, 0)],
  [ApiKey.DescribeQuorum, range(0, 2)],
  [ApiKey.UpdateFeatures, range(0, 2)],
  [ApiKey.DescribeCluster, range(0, 2)],
  [ApiKey.ConsumerGroupHeartbeat, range(0, 1)],
  [ApiKey.ConsumerGroupDescribe, range(0, 1)],
  [ApiKey.ListConfigResources, range(0, 1)],
  [ApiKey.DescribeTopicPartitions, range(0, 0)],
]);

/** Whether a version of an API is answered. */
export function isServed(apiKey: ApiKey, version: number): boolean {
  const served = SERVED.get(apiKey);
  return served !== undefined && version >= served.min && version <= served.max;
}
