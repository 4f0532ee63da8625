import { ProduceRequest, ProduceResponse } from './messages/00-produce.ts';
import { FetchRequest, FetchResponse } from './messages/01-fetch.ts';
import { ListOffsetsRequest, ListOffsetsResponse } from './messages/02-list-offsets.ts';
import { MetadataRequest, MetadataResponse } from './messages/03-metadata.ts';
import { OffsetCommitRequest, OffsetCommitResponse } from './messages/08-offset-commit.ts';
import { OffsetFetchRequest, OffsetFetchResponse } from './messages/09-offset-fetch.ts';
import { FindCoordinatorRequest, FindCoordinatorResponse } from './messages/10-find-coordinator.ts';
import { JoinGroupRequest, JoinGroupResponse } from './messages/11-join-group.ts';
import { HeartbeatRequest, HeartbeatResponse } from './messages/12-heartbeat.ts';
import { LeaveGroupRequest, LeaveGroupResponse } from './messages/13-leave-group.ts';
import { SyncGroupRequest, SyncGroupResponse } from './messages/14-sync-group.ts';
import { DescribeGroupsRequest, DescribeGroupsResponse } from './messages/15-describe-groups.ts';
import { ListGroupsRequest, ListGroupsResponse } from './messages/16-list-groups.ts';
import { SaslHandshakeRequest, SaslHandshakeResponse } from './messages/17-sasl-handshake.ts';
import { ApiVersionsRequest, ApiVersionsResponse } from './messages/18-api-versions.ts';
import { CreateTopicsRequest, CreateTopicsResponse } from './messages/19-create-topics.ts';
import { DeleteTopicsRequest, DeleteTopicsResponse } from './messages/20-delete-topics.ts';
import { DeleteRecordsRequest, DeleteRecordsResponse } from './messages/21-delete-records.ts';
import { InitProducerIdRequest, InitProducerIdResponse } from './messages/22-init-producer-id.ts';
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from './messages/23-offset-for-leader-epoch.ts';
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from './messages/24-add-partitions-to-txn.ts';
import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from './messages/25-add-offsets-to-txn.ts';
import { EndTxnRequest, EndTxnResponse } from './messages/26-end-txn.ts';
import { WriteTxnMarkersRequest, WriteTxnMarkersResponse } from './messages/27-write-txn-markers.ts';
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from './messages/28-txn-offset-commit.ts';
import { DescribeAclsRequest, DescribeAclsResponse } from './messages/29-describe-acls.ts';
import { CreateAclsRequest, CreateAclsResponse } from './messages/30-create-acls.ts';
import { DeleteAclsRequest, DeleteAclsResponse } from './messages/31-delete-acls.ts';
import { DescribeConfigsRequest, DescribeConfigsResponse } from './messages/32-describe-configs.ts';
import { AlterConfigsRequest, AlterConfigsResponse } from './messages/33-alter-configs.ts';
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from './messages/35-describe-log-dirs.ts';
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from './messages/36-sasl-authenticate.ts';
import { CreatePartitionsRequest, CreatePartitionsResponse } from './messages/37-create-partitions.ts';
import { DeleteGroupsRequest, DeleteGroupsResponse } from './messages/42-delete-groups.ts';
import { ElectLeadersRequest, ElectLeadersResponse } from './messages/43-elect-leaders.ts';
import {
  IncrementalAlterConfigsRequest,
  IncrementalAlterConfigsResponse,
} from './messages/44-incremental-alter-configs.ts';
import {
  AlterPartitionReassignmentsRequest,
  AlterPartitionReassignmentsResponse,
} from './messages/45-alter-partition-reassignments.ts';
import {
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from './messages/46-list-partition-reassignments.ts';
import { OffsetDeleteRequest, OffsetDeleteResponse } from './messages/47-offset-delete.ts';
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from './messages/48-describe-client-quotas.ts';
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from './messages/49-alter-client-quotas.ts';
import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from './messages/50-describe-user-scram-credentials.ts';
import {
  AlterUserScramCredentialsRequest,
  AlterUserScramCredentialsResponse,
} from './messages/51-alter-user-scram-credentials.ts';
import { DescribeQuorumRequest, DescribeQuorumResponse } from './messages/55-describe-quorum.ts';
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from './messages/57-update-features.ts';
import { DescribeClusterRequest, DescribeClusterResponse } from './messages/60-describe-cluster.ts';
import { DescribeProducersRequest, DescribeProducersResponse } from './messages/61-describe-producers.ts';
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from './messages/65-describe-transactions.ts';
import { ListTransactionsRequest, ListTransactionsResponse } from './messages/66-list-transactions.ts';
import {
  ConsumerGroupHeartbeatRequest,
  ConsumerGroupHeartbeatResponse,
} from './messages/68-consumer-group-heartbeat.ts';
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from './messages/69-consumer-group-describe.ts';
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from './messages/74-list-config-resources.ts';
import {
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponse,
} from './messages/75-describe-topic-partitions.ts';
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from './messages/76-share-group-heartbeat.ts';
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from './messages/77-share-group-describe.ts';
import { ShareFetchRequest, ShareFetchResponse } from './messages/78-share-fetch.ts';
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from './messages/79-share-acknowledge.ts';
import {
  DescribeShareGroupOffsetsRequest,
  DescribeShareGroupOffsetsResponse,
} from './messages/90-describe-share-group-offsets.ts';
import {
  AlterShareGroupOffsetsRequest,
  AlterShareGroupOffsetsResponse,
} from './messages/91-alter-share-group-offsets.ts';
import {
  DeleteShareGroupOffsetsRequest,
  DeleteShareGroupOffsetsResponse,
} from './messages/92-delete-share-group-offsets.ts';
import type { Infer, InferInput, Message } from './schema/message.ts';
import { includesVersion } from './schema/versions.ts';

/** The APIs that have a schema here, by the names that Kafka gives them. */
export const ApiKey = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  DescribeGroups: 15,
  ListGroups: 16,
  SaslHandshake: 17,
  ApiVersions: 18,
  CreateTopics: 19,
  DeleteTopics: 20,
  DeleteRecords: 21,
  InitProducerId: 22,
  OffsetForLeaderEpoch: 23,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  WriteTxnMarkers: 27,
  TxnOffsetCommit: 28,
  DescribeAcls: 29,
  CreateAcls: 30,
  DeleteAcls: 31,
  DescribeConfigs: 32,
  AlterConfigs: 33,
  DescribeLogDirs: 35,
  SaslAuthenticate: 36,
  CreatePartitions: 37,
  DeleteGroups: 42,
  ElectLeaders: 43,
  IncrementalAlterConfigs: 44,
  AlterPartitionReassignments: 45,
  ListPartitionReassignments: 46,
  OffsetDelete: 47,
  DescribeClientQuotas: 48,
  AlterClientQuotas: 49,
  DescribeUserScramCredentials: 50,
  AlterUserScramCredentials: 51,
  DescribeQuorum: 55,
  UpdateFeatures: 57,
  DescribeCluster: 60,
  DescribeProducers: 61,
  DescribeTransactions: 65,
  ListTransactions: 66,
  ConsumerGroupHeartbeat: 68,
  ConsumerGroupDescribe: 69,
  ListConfigResources: 74,
  DescribeTopicPartitions: 75,
  ShareGroupHeartbeat: 76,
  ShareGroupDescribe: 77,
  ShareFetch: 78,
  ShareAcknowledge: 79,
  DescribeShareGroupOffsets: 90,
  AlterShareGroupOffsets: 91,
  DeleteShareGroupOffsets: 92,
} as const;

export type ApiKey = (typeof ApiKey)[keyof typeof ApiKey];

/** One API: its messages, and which headers go with their versions. */
export interface Api<Request extends Message = Message, Response extends Message = Message> {
  readonly key: ApiKey;
  readonly name: keyof typeof ApiKey;
  /** Both messages exist in the same versions. */
  readonly request: Request;
  readonly response: Response;
  requestHeaderVersion(version: number): 1 | 2;
  responseHeaderVersion(version: number): 0 | 1;
}

function api<Request extends Message, Response extends Message>(
  name: keyof typeof ApiKey,
  request: Request,
  response: Response,
): Api<Request, Response> {
  const key = ApiKey[name];
  return {
    key,
    name,
    request,
    response,
    requestHeaderVersion: (version) => (includesVersion(request.flexible, version) ? 2 : 1),
    // A client must be able to read the answer to ApiVersions before it knows what the server speaks (KIP-511).
    responseHeaderVersion: (version) =>
      key !== ApiKey.ApiVersions && includesVersion(response.flexible, version) ? 1 : 0,
  };
}

/** All of them by key. What a broker serves of their versions is its own affair. */
export const apis = {
  [ApiKey.Produce]: api('Produce', ProduceRequest, ProduceResponse),
  [ApiKey.Fetch]: api('Fetch', FetchRequest, FetchResponse),
  [ApiKey.ListOffsets]: api('ListOffsets', ListOffsetsRequest, ListOffsetsResponse),
  [ApiKey.Metadata]: api('Metadata', MetadataRequest, MetadataResponse),
  [ApiKey.OffsetCommit]: api('OffsetCommit', OffsetCommitRequest, OffsetCommitResponse),
  [ApiKey.OffsetFetch]: api('OffsetFetch', OffsetFetchRequest, OffsetFetchResponse),
  [ApiKey.FindCoordinator]: api('FindCoordinator', FindCoordinatorRequest, FindCoordinatorResponse),
  [ApiKey.JoinGroup]: api('JoinGroup', JoinGroupRequest, JoinGroupResponse),
  [ApiKey.Heartbeat]: api('Heartbeat', HeartbeatRequest, HeartbeatResponse),
  [ApiKey.LeaveGroup]: api('LeaveGroup', LeaveGroupRequest, LeaveGroupResponse),
  [ApiKey.SyncGroup]: api('SyncGroup', SyncGroupRequest, SyncGroupResponse),
  [ApiKey.DescribeGroups]: api('DescribeGroups', DescribeGroupsRequest, DescribeGroupsResponse),
  [ApiKey.ListGroups]: api('ListGroups', ListGroupsRequest, ListGroupsResponse),
  [ApiKey.SaslHandshake]: api('SaslHandshake', SaslHandshakeRequest, SaslHandshakeResponse),
  [ApiKey.ApiVersions]: api('ApiVersions', ApiVersionsRequest, ApiVersionsResponse),
  [ApiKey.CreateTopics]: api('CreateTopics', CreateTopicsRequest, CreateTopicsResponse),
  [ApiKey.DeleteTopics]: api('DeleteTopics', DeleteTopicsRequest, DeleteTopicsResponse),
  [ApiKey.DeleteRecords]: api('DeleteRecords', DeleteRecordsRequest, DeleteRecordsResponse),
  [ApiKey.InitProducerId]: api('InitProducerId', InitProducerIdRequest, InitProducerIdResponse),
  [ApiKey.OffsetForLeaderEpoch]: api('OffsetForLeaderEpoch', OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse),
  [ApiKey.AddPartitionsToTxn]: api('AddPartitionsToTxn', AddPartitionsToTxnRequest, AddPartitionsToTxnResponse),
  [ApiKey.AddOffsetsToTxn]: api('AddOffsetsToTxn', AddOffsetsToTxnRequest, AddOffsetsToTxnResponse),
  [ApiKey.EndTxn]: api('EndTxn', EndTxnRequest, EndTxnResponse),
  [ApiKey.WriteTxnMarkers]: api('WriteTxnMarkers', WriteTxnMarkersRequest, WriteTxnMarkersResponse),
  [ApiKey.TxnOffsetCommit]: api('TxnOffsetCommit', TxnOffsetCommitRequest, TxnOffsetCommitResponse),
  [ApiKey.DescribeAcls]: api('DescribeAcls', DescribeAclsRequest, DescribeAclsResponse),
  [ApiKey.CreateAcls]: api('CreateAcls', CreateAclsRequest, CreateAclsResponse),
  [ApiKey.DeleteAcls]: api('DeleteAcls', DeleteAclsRequest, DeleteAclsResponse),
  [ApiKey.DescribeConfigs]: api('DescribeConfigs', DescribeConfigsRequest, DescribeConfigsResponse),
  [ApiKey.AlterConfigs]: api('AlterConfigs', AlterConfigsRequest, AlterConfigsResponse),
  [ApiKey.DescribeLogDirs]: api('DescribeLogDirs', DescribeLogDirsRequest, DescribeLogDirsResponse),
  [ApiKey.SaslAuthenticate]: api('SaslAuthenticate', SaslAuthenticateRequest, SaslAuthenticateResponse),
  [ApiKey.CreatePartitions]: api('CreatePartitions', CreatePartitionsRequest, CreatePartitionsResponse),
  [ApiKey.DeleteGroups]: api('DeleteGroups', DeleteGroupsRequest, DeleteGroupsResponse),
  [ApiKey.ElectLeaders]: api('ElectLeaders', ElectLeadersRequest, ElectLeadersResponse),
  [ApiKey.IncrementalAlterConfigs]: api(
    'IncrementalAlterConfigs',
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
  ),
  [ApiKey.AlterPartitionReassignments]: api(
    'AlterPartitionReassignments',
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
  ),
  [ApiKey.ListPartitionReassignments]: api(
    'ListPartitionReassignments',
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
  ),
  [ApiKey.OffsetDelete]: api('OffsetDelete', OffsetDeleteRequest, OffsetDeleteResponse),
  [ApiKey.DescribeClientQuotas]: api('DescribeClientQuotas', DescribeClientQuotasRequest, DescribeClientQuotasResponse),
  [ApiKey.AlterClientQuotas]: api('AlterClientQuotas', AlterClientQuotasRequest, AlterClientQuotasResponse),
  [ApiKey.DescribeUserScramCredentials]: api(
    'DescribeUserScramCredentials',
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
  ),
  [ApiKey.AlterUserScramCredentials]: api(
    'AlterUserScramCredentials',
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
  ),
  [ApiKey.DescribeQuorum]: api('DescribeQuorum', DescribeQuorumRequest, DescribeQuorumResponse),
  [ApiKey.UpdateFeatures]: api('UpdateFeatures', UpdateFeaturesRequest, UpdateFeaturesResponse),
  [ApiKey.DescribeCluster]: api('DescribeCluster', DescribeClusterRequest, DescribeClusterResponse),
  [ApiKey.DescribeProducers]: api('DescribeProducers', DescribeProducersRequest, DescribeProducersResponse),
  [ApiKey.DescribeTransactions]: api('DescribeTransactions', DescribeTransactionsRequest, DescribeTransactionsResponse),
  [ApiKey.ListTransactions]: api('ListTransactions', ListTransactionsRequest, ListTransactionsResponse),
  [ApiKey.ConsumerGroupHeartbeat]: api(
    'ConsumerGroupHeartbeat',
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
  ),
  [ApiKey.ConsumerGroupDescribe]: api(
    'ConsumerGroupDescribe',
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
  ),
  [ApiKey.ListConfigResources]: api('ListConfigResources', ListConfigResourcesRequest, ListConfigResourcesResponse),
  [ApiKey.DescribeTopicPartitions]: api(
    'DescribeTopicPartitions',
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
  ),
  [ApiKey.ShareGroupHeartbeat]: api('ShareGroupHeartbeat', ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse),
  [ApiKey.ShareGroupDescribe]: api('ShareGroupDescribe', ShareGroupDescribeRequest, ShareGroupDescribeResponse),
  [ApiKey.ShareFetch]: api('ShareFetch', ShareFetchRequest, ShareFetchResponse),
  [ApiKey.ShareAcknowledge]: api('ShareAcknowledge', ShareAcknowledgeRequest, ShareAcknowledgeResponse),
  [ApiKey.DescribeShareGroupOffsets]: api(
    'DescribeShareGroupOffsets',
    DescribeShareGroupOffsetsRequest,
    DescribeShareGroupOffsetsResponse,
  ),
  [ApiKey.AlterShareGroupOffsets]: api(
    'AlterShareGroupOffsets',
    AlterShareGroupOffsetsRequest,
    AlterShareGroupOffsetsResponse,
  ),
  [ApiKey.DeleteShareGroupOffsets]: api(
    'DeleteShareGroupOffsets',
    DeleteShareGroupOffsetsRequest,
    DeleteShareGroupOffsetsResponse,
  ),
} satisfies Record<ApiKey, Api>;

/** A decoded request. */
export type RequestBody<Key extends ApiKey> = Infer<(typeof apis)[Key]['request']>;
/** What encoding a request takes. */
export type RequestInput<Key extends ApiKey> = InferInput<(typeof apis)[Key]['request']>;
/** A decoded response. */
export type ResponseBody<Key extends ApiKey> = Infer<(typeof apis)[Key]['response']>;
/** What encoding a response takes. */
export type ResponseInput<Key extends ApiKey> = InferInput<(typeof apis)[Key]['response']>;

/** The API of a key from the wire; undefined if there is none here. */
export function findApi(key: number): Api | undefined {
  return (apis as Readonly<Record<number, Api>>)[key];
}
