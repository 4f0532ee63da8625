import type { RequestContext } from '../core/context.ts';
import { journalOf, type Topic } from '../topics/topics.ts';
import type { Leadership } from './leadership.ts';

/** The id of a node that does not exist. */
export const NO_NODE = -1;

/**
 * The replicas of a partition: its leader alone, or none if the request's listener cannot reach it.
 * Reads nothing.
 */
export function replicasOf(leadership: Leadership, topic: Topic, partition: number, context: RequestContext): number[] {
  const leader = leadership.nodeOf(journalOf(topic, partition));
  return leadership.nodes(context).flatMap(({ nodeId }) => (nodeId === leader ? [nodeId] : []));
}

/**
 * The node for administrative requests. Any node serves them: this one, if clients can reach it.
 */
export function controllerOf(nodeId: number, nodes: readonly { readonly nodeId: number }[]): number {
  return nodes.some((one) => one.nodeId === nodeId) ? nodeId : (nodes[0]?.nodeId ?? NO_NODE);
}
