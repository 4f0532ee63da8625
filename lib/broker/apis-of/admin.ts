import { metadata } from '../api/03-metadata.ts';
import { apiVersions } from '../api/18-api-versions.ts';
import { createTopics } from '../api/19-create-topics.ts';
import { deleteTopics } from '../api/20-delete-topics.ts';
import { deleteRecords } from '../api/21-delete-records.ts';
import { writeTxnMarkers } from '../api/27-write-txn-markers.ts';
import { describeConfigs } from '../api/32-describe-configs.ts';
import { alterConfigs } from '../api/33-alter-configs.ts';
import { describeLogDirs } from '../api/35-describe-log-dirs.ts';
import { createPartitions } from '../api/37-create-partitions.ts';
import { electLeaders } from '../api/43-elect-leaders.ts';
import { incrementalAlterConfigs } from '../api/44-incremental-alter-configs.ts';
import { alterPartitionReassignments } from '../api/45-alter-partition-reassignments.ts';
import { listPartitionReassignments } from '../api/46-list-partition-reassignments.ts';
import { describeQuorum } from '../api/55-describe-quorum.ts';
import { updateFeatures } from '../api/57-update-features.ts';
import { describeCluster } from '../api/60-describe-cluster.ts';
import { describeProducers } from '../api/61-describe-producers.ts';
import { listConfigResources } from '../api/74-list-config-resources.ts';
import { describeTopicPartitions } from '../api/75-describe-topic-partitions.ts';
import type { AdminBroker } from '../broker.ts';
import type { ApisOf } from '../define-api.ts';

/** The APIs that the function `admin` serves. */
export const adminApis: ApisOf<'admin', AdminBroker> = {
  Metadata: metadata,
  ApiVersions: apiVersions,
  CreateTopics: createTopics,
  DeleteTopics: deleteTopics,
  DeleteRecords: deleteRecords,
  DescribeConfigs: describeConfigs,
  AlterConfigs: alterConfigs,
  DescribeLogDirs: describeLogDirs,
  CreatePartitions: createPartitions,
  ElectLeaders: electLeaders,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  AlterPartitionReassignments: alterPartitionReassignments,
  ListPartitionReassignments: listPartitionReassignments,
  DescribeQuorum: describeQuorum,
  UpdateFeatures: updateFeatures,
  DescribeCluster: describeCluster,
  WriteTxnMarkers: writeTxnMarkers,
  DescribeProducers: describeProducers,
  ListConfigResources: listConfigResources,
  DescribeTopicPartitions: describeTopicPartitions,
};
