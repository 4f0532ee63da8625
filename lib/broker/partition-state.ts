import type { KnownEpochs } from '../cluster/leadership.ts';
import { NO_NODE, replicasOf } from '../cluster/partition-nodes.ts';
import type { RequestContext } from '../core/context.ts';
import { errorCode } from '../core/errors.ts';
import { journalOf, type Topic } from '../topics/topics.ts';
import type { Broker } from './broker.ts';

/**
 * The leader and the replicas of a partition: one node, since the store keeps the copies. The
 * leader is the node that should lead. It takes the leadership over at its first request. The epoch
 * is the newest known one of the journal. Reads nothing.
 */
export function partitionState(
  broker: Broker,
  topic: Topic,
  partitionIndex: number,
  epochs: KnownEpochs,
  context: RequestContext,
) {
  const journal = journalOf(topic, partitionIndex);
  const leader = broker.leadership.nodeOf(journal);
  const nodes = replicasOf(broker.leadership, topic, partitionIndex, context);
  const isThere = nodes.length > 0;
  return {
    errorCode: isThere ? 0 : errorCode(leader === undefined ? 'LEADER_NOT_AVAILABLE' : 'LISTENER_NOT_FOUND'),
    partitionIndex,
    leaderId: nodes[0] ?? NO_NODE,
    leaderEpoch: epochs.epochOf(journal),
    replicaNodes: nodes,
    isrNodes: nodes,
    offlineReplicas: [] as number[],
  };
}
