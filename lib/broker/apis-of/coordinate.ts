import { offsetCommit } from '../api/08-offset-commit.ts';
import { offsetFetch } from '../api/09-offset-fetch.ts';
import { findCoordinator } from '../api/10-find-coordinator.ts';
import { joinGroup } from '../api/11-join-group.ts';
import { heartbeat } from '../api/12-heartbeat.ts';
import { leaveGroup } from '../api/13-leave-group.ts';
import { syncGroup } from '../api/14-sync-group.ts';
import { describeGroups } from '../api/15-describe-groups.ts';
import { listGroups } from '../api/16-list-groups.ts';
import { txnOffsetCommit } from '../api/28-txn-offset-commit.ts';
import { deleteGroups } from '../api/42-delete-groups.ts';
import { offsetDelete } from '../api/47-offset-delete.ts';
import { describeTransactions } from '../api/65-describe-transactions.ts';
import { listTransactions } from '../api/66-list-transactions.ts';
import { consumerGroupHeartbeat } from '../api/68-consumer-group-heartbeat.ts';
import { consumerGroupDescribe } from '../api/69-consumer-group-describe.ts';
import type { GroupBroker, TransactionReadBroker } from '../broker.ts';
import type { ApisOf } from '../define-api.ts';

/** The APIs that the function `coordinate` serves. */
export const coordinateApis: ApisOf<'coordinate', GroupBroker & TransactionReadBroker> = {
  OffsetCommit: offsetCommit,
  OffsetFetch: offsetFetch,
  FindCoordinator: findCoordinator,
  JoinGroup: joinGroup,
  Heartbeat: heartbeat,
  LeaveGroup: leaveGroup,
  SyncGroup: syncGroup,
  DescribeGroups: describeGroups,
  ListGroups: listGroups,
  TxnOffsetCommit: txnOffsetCommit,
  DeleteGroups: deleteGroups,
  OffsetDelete: offsetDelete,
  DescribeTransactions: describeTransactions,
  ListTransactions: listTransactions,
  ConsumerGroupHeartbeat: consumerGroupHeartbeat,
  ConsumerGroupDescribe: consumerGroupDescribe,
};
