import type { KnownEpochs } from '../cluster/leadership.ts';
import type { RequestContext } from '../core/context.ts';
import { errorCode } from '../core/errors.ts';
import { journalOf, type Topic } from '../topics/topics.ts';
import type { Broker } from './broker.ts';

/** The id of a node that does not exist. */
const NO_NODE = -1;

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
  const nodes = replicasOf(broker, topic, partitionIndex, context);
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

/**
 * The replicas of a partition: its leader alone, or none if the request's listener cannot reach it.
 * Reads nothing.
 */
export function replicasOf(broker: Broker, topic: Topic, partition: number, context: RequestContext): number[] {
  const leader = broker.leadership.nodeOf(journalOf(topic, partition));
  return broker.leadership.nodes(context).flatMap(({ nodeId }) => (nodeId === leader ? [nodeId] : []));
}

/**
 * The node for administrative requests. Any node serves them: this one, if clients can reach it.
 */
export function controllerOf(nodeId: number, nodes: readonly { readonly nodeId: number }[]): number {
  return nodes.some((one) => one.nodeId === nodeId) ? nodeId : (nodes[0]?.nodeId ?? NO_NODE);
}
