import { journalOf, type Topic } from '../admin/topics.ts';
import type { Broker } from './broker.ts';

/** Who leads a partition and who has it: one node, as the store keeps the copies. Reads nothing. */
export function partitionState(broker: Broker, topic: Topic, partitionIndex: number) {
  const nodes = [broker.nodeId];
  return {
    errorCode: 0,
    partitionIndex,
    leaderId: broker.nodeId,
    leaderEpoch: broker.admin.journals.peek(journalOf(topic, partitionIndex))?.journal.view.leaderEpoch ?? 0,
    replicaNodes: nodes,
    isrNodes: nodes,
    offlineReplicas: [] as number[],
  };
}
