import type { Api } from './api.ts';
import { ApiKey } from './api-key.ts';
import { Produce } from './messages/00-produce.ts';
import { Fetch } from './messages/01-fetch.ts';
import { ListOffsets } from './messages/02-list-offsets.ts';
import { Metadata } from './messages/03-metadata.ts';
import { OffsetCommit } from './messages/08-offset-commit.ts';
import { OffsetFetch } from './messages/09-offset-fetch.ts';
import { FindCoordinator } from './messages/10-find-coordinator.ts';
import { JoinGroup } from './messages/11-join-group.ts';
import { Heartbeat } from './messages/12-heartbeat.ts';
import { LeaveGroup } from './messages/13-leave-group.ts';
import { SyncGroup } from './messages/14-sync-group.ts';
import { DescribeGroups } from './messages/15-describe-groups.ts';
import { ListGroups } from './messages/16-list-groups.ts';
import { SaslHandshake } from './messages/17-sasl-handshake.ts';
import { ApiVersions } from './messages/18-api-versions.ts';
import { CreateTopics } from './messages/19-create-topics.ts';
import { DeleteTopics } from './messages/20-delete-topics.ts';
import { DeleteRecords } from './messages/21-delete-records.ts';
import { InitProducerId } from './messages/22-init-producer-id.ts';
import { OffsetForLeaderEpoch } from './messages/23-offset-for-leader-epoch.ts';
import { AddPartitionsToTxn } from './messages/24-add-partitions-to-txn.ts';
import { AddOffsetsToTxn } from './messages/25-add-offsets-to-txn.ts';
import { EndTxn } from './messages/26-end-txn.ts';
import { WriteTxnMarkers } from './messages/27-write-txn-markers.ts';
import { TxnOffsetCommit } from './messages/28-txn-offset-commit.ts';
import { DescribeAcls } from './messages/29-describe-acls.ts';
import { CreateAcls } from './messages/30-create-acls.ts';
import { DeleteAcls } from './messages/31-delete-acls.ts';
import { DescribeConfigs } from './messages/32-describe-configs.ts';
import { AlterConfigs } from './messages/33-alter-configs.ts';
import { DescribeLogDirs } from './messages/35-describe-log-dirs.ts';
import { SaslAuthenticate } from './messages/36-sasl-authenticate.ts';
import { CreatePartitions } from './messages/37-create-partitions.ts';
import { DeleteGroups } from './messages/42-delete-groups.ts';
import { ElectLeaders } from './messages/43-elect-leaders.ts';
import { IncrementalAlterConfigs } from './messages/44-incremental-alter-configs.ts';
import { AlterPartitionReassignments } from './messages/45-alter-partition-reassignments.ts';
import { ListPartitionReassignments } from './messages/46-list-partition-reassignments.ts';
import { OffsetDelete } from './messages/47-offset-delete.ts';
import { DescribeClientQuotas } from './messages/48-describe-client-quotas.ts';
import { AlterClientQuotas } from './messages/49-alter-client-quotas.ts';
import { DescribeUserScramCredentials } from './messages/50-describe-user-scram-credentials.ts';
import { AlterUserScramCredentials } from './messages/51-alter-user-scram-credentials.ts';
import { DescribeQuorum } from './messages/55-describe-quorum.ts';
import { UpdateFeatures } from './messages/57-update-features.ts';
import { DescribeCluster } from './messages/60-describe-cluster.ts';
import { DescribeProducers } from './messages/61-describe-producers.ts';
import { DescribeTransactions } from './messages/65-describe-transactions.ts';
import { ListTransactions } from './messages/66-list-transactions.ts';
import { ConsumerGroupHeartbeat } from './messages/68-consumer-group-heartbeat.ts';
import { ConsumerGroupDescribe } from './messages/69-consumer-group-describe.ts';
import { ListConfigResources } from './messages/74-list-config-resources.ts';
import { DescribeTopicPartitions } from './messages/75-describe-topic-partitions.ts';
import { ShareGroupHeartbeat } from './messages/76-share-group-heartbeat.ts';
import { ShareGroupDescribe } from './messages/77-share-group-describe.ts';
import { ShareFetch } from './messages/78-share-fetch.ts';
import { ShareAcknowledge } from './messages/79-share-acknowledge.ts';
import { DescribeShareGroupOffsets } from './messages/90-describe-share-group-offsets.ts';
import { AlterShareGroupOffsets } from './messages/91-alter-share-group-offsets.ts';
import { DeleteShareGroupOffsets } from './messages/92-delete-share-group-offsets.ts';
import type { Infer, InferInput } from './schema/message.ts';

export { ApiKey };

/**
 * Every API that has a schema, by key. Clients and tests use all of them. A broker imports the
 * messages of its served APIs only, so that a function's bundle has no others.
 */
export const apis = {
  [ApiKey.Produce]: Produce,
  [ApiKey.Fetch]: Fetch,
  [ApiKey.ListOffsets]: ListOffsets,
  [ApiKey.Metadata]: Metadata,
  [ApiKey.OffsetCommit]: OffsetCommit,
  [ApiKey.OffsetFetch]: OffsetFetch,
  [ApiKey.FindCoordinator]: FindCoordinator,
  [ApiKey.JoinGroup]: JoinGroup,
  [ApiKey.Heartbeat]: Heartbeat,
  [ApiKey.LeaveGroup]: LeaveGroup,
  [ApiKey.SyncGroup]: SyncGroup,
  [ApiKey.DescribeGroups]: DescribeGroups,
  [ApiKey.ListGroups]: ListGroups,
  [ApiKey.SaslHandshake]: SaslHandshake,
  [ApiKey.ApiVersions]: ApiVersions,
  [ApiKey.CreateTopics]: CreateTopics,
  [ApiKey.DeleteTopics]: DeleteTopics,
  [ApiKey.DeleteRecords]: DeleteRecords,
  [ApiKey.InitProducerId]: InitProducerId,
  [ApiKey.OffsetForLeaderEpoch]: OffsetForLeaderEpoch,
  [ApiKey.AddPartitionsToTxn]: AddPartitionsToTxn,
  [ApiKey.AddOffsetsToTxn]: AddOffsetsToTxn,
  [ApiKey.EndTxn]: EndTxn,
  [ApiKey.WriteTxnMarkers]: WriteTxnMarkers,
  [ApiKey.TxnOffsetCommit]: TxnOffsetCommit,
  [ApiKey.DescribeAcls]: DescribeAcls,
  [ApiKey.CreateAcls]: CreateAcls,
  [ApiKey.DeleteAcls]: DeleteAcls,
  [ApiKey.DescribeConfigs]: DescribeConfigs,
  [ApiKey.AlterConfigs]: AlterConfigs,
  [ApiKey.DescribeLogDirs]: DescribeLogDirs,
  [ApiKey.SaslAuthenticate]: SaslAuthenticate,
  [ApiKey.CreatePartitions]: CreatePartitions,
  [ApiKey.DeleteGroups]: DeleteGroups,
  [ApiKey.ElectLeaders]: ElectLeaders,
  [ApiKey.IncrementalAlterConfigs]: IncrementalAlterConfigs,
  [ApiKey.AlterPartitionReassignments]: AlterPartitionReassignments,
  [ApiKey.ListPartitionReassignments]: ListPartitionReassignments,
  [ApiKey.OffsetDelete]: OffsetDelete,
  [ApiKey.DescribeClientQuotas]: DescribeClientQuotas,
  [ApiKey.AlterClientQuotas]: AlterClientQuotas,
  [ApiKey.DescribeUserScramCredentials]: DescribeUserScramCredentials,
  [ApiKey.AlterUserScramCredentials]: AlterUserScramCredentials,
  [ApiKey.DescribeQuorum]: DescribeQuorum,
  [ApiKey.UpdateFeatures]: UpdateFeatures,
  [ApiKey.DescribeCluster]: DescribeCluster,
  [ApiKey.DescribeProducers]: DescribeProducers,
  [ApiKey.DescribeTransactions]: DescribeTransactions,
  [ApiKey.ListTransactions]: ListTransactions,
  [ApiKey.ConsumerGroupHeartbeat]: ConsumerGroupHeartbeat,
  [ApiKey.ConsumerGroupDescribe]: ConsumerGroupDescribe,
  [ApiKey.ListConfigResources]: ListConfigResources,
  [ApiKey.DescribeTopicPartitions]: DescribeTopicPartitions,
  [ApiKey.ShareGroupHeartbeat]: ShareGroupHeartbeat,
  [ApiKey.ShareGroupDescribe]: ShareGroupDescribe,
  [ApiKey.ShareFetch]: ShareFetch,
  [ApiKey.ShareAcknowledge]: ShareAcknowledge,
  [ApiKey.DescribeShareGroupOffsets]: DescribeShareGroupOffsets,
  [ApiKey.AlterShareGroupOffsets]: AlterShareGroupOffsets,
  [ApiKey.DeleteShareGroupOffsets]: DeleteShareGroupOffsets,
} satisfies Record<ApiKey, Api>;

/** A decoded request. */
export type RequestBody<Key extends ApiKey> = Infer<(typeof apis)[Key]['request']>;
/** The input for encoding a request. */
export type RequestInput<Key extends ApiKey> = InferInput<(typeof apis)[Key]['request']>;
/** A decoded response. */
export type ResponseBody<Key extends ApiKey> = Infer<(typeof apis)[Key]['response']>;
/** The input for encoding a response. */
export type ResponseInput<Key extends ApiKey> = InferInput<(typeof apis)[Key]['response']>;

/** The API with a key from the wire; undefined if it has no schema here. */
export function findApi(key: number): Api | undefined {
  return (apis as Readonly<Record<number, Api>>)[key];
}
