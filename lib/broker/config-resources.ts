import {
  type Access,
  CLUSTER,
  type Decisions,
  groupResource,
  type Operation,
  type Resource,
  topicResource,
} from '../auth/authorize.ts';
import type { ErrorName, Failure } from '../core/errors.ts';
import type { Broker } from './broker.ts';

/** Types of resources that have configs (org.apache.kafka.common.config.ConfigResource.Type). */
export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(ResourceType));

/** Whether Kafka has this resource type. */
export function isConfigResource(type: number): boolean {
  return KNOWN.has(type);
}

/** The error that refuses an operation on a resource's configs; undefined if it is allowed. */
export type ConfigsRefusal = (type: number, name: string) => ErrorName | undefined;

/** The rights that reading or changing the configs of these resources needs, each resource once. */
export function configAccesses(
  operation: Operation,
  resources: readonly { readonly resourceType: number; readonly resourceName: string }[],
): Access[] {
  const accesses = new Map<string, Access>();
  for (const { resourceType, resourceName } of resources) {
    const resource = guardedBy(resourceType, resourceName);
    accesses.set(JSON.stringify(resource), { operation, resource });
  }
  return [...accesses.values()];
}

/** Refuses the operations that the decisions on `configAccesses` do not allow. */
export function refusalBy(decisions: Decisions, operation: Operation): ConfigsRefusal {
  return (type, name) => {
    if (decisions.allows(operation, guardedBy(type, name))) return undefined;
    if (type === ResourceType.TOPIC) return 'TOPIC_AUTHORIZATION_FAILED';
    return type === ResourceType.GROUP ? 'GROUP_AUTHORIZATION_FAILED' : 'CLUSTER_AUTHORIZATION_FAILED';
  };
}

/**
 * The resource whose rights cover these configs: the topic or group itself, and the cluster for all
 * others.
 */
function guardedBy(type: number, name: string): Resource {
  if (type === ResourceType.TOPIC) return topicResource(name);
  return type === ResourceType.GROUP ? groupResource(name) : CLUSTER;
}

/**
 * Why a resource name is not this node's id; undefined if it is. `what` and `expected` are the
 * words of Kafka's message.
 */
export function nodeProblem(broker: Broker, name: string, what: string, expected = ''): Failure | undefined {
  const invalid = (message: string): Failure => ({ error: 'INVALID_REQUEST', message });
  if (!/^[+-]?\d{1,10}$/.test(name)) return invalid(`${what} must be an integer, but it is: ${name}`);
  return Number(name) === broker.leadership.nodeId
    ? undefined
    : invalid(`Unexpected broker id, expected ${broker.leadership.nodeId}${expected} but received ${name}`);
}
