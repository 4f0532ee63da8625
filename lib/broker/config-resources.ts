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

/** What has configs (org.apache.kafka.common.config.ConfigResource.Type). */
export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(ResourceType));

/** Whether Kafka knows resources of this type. */
export function isConfigResource(type: number): boolean {
  return KNOWN.has(type);
}

/** Why something may not be done to the configs of a resource; undefined if it may. */
export type ConfigsRefusal = (type: number, name: string) => ErrorName | undefined;

/** What to ask for before the configs of these resources are read or changed, each resource once. */
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

/** Refuses what the answer to `configAccesses` does not allow. */
export function refusalBy(decisions: Decisions, operation: Operation): ConfigsRefusal {
  return (type, name) => {
    if (decisions.allows(operation, guardedBy(type, name))) return undefined;
    if (type === ResourceType.TOPIC) return 'TOPIC_AUTHORIZATION_FAILED';
    return type === ResourceType.GROUP ? 'GROUP_AUTHORIZATION_FAILED' : 'CLUSTER_AUTHORIZATION_FAILED';
  };
}

/** A right to a topic's or group's configs is one to the topic or group; all other configs belong to the cluster. */
function guardedBy(type: number, name: string): Resource {
  if (type === ResourceType.TOPIC) return topicResource(name);
  return type === ResourceType.GROUP ? groupResource(name) : CLUSTER;
}

/** Why a name does not stand for this process; undefined if it does. `what` and `expected` are as Kafka words its sentence. */
export function nodeProblem(broker: Broker, name: string, what: string, expected = ''): Failure | undefined {
  const invalid = (message: string): Failure => ({ error: 'INVALID_REQUEST', message });
  if (!/^[+-]?\d{1,10}$/.test(name)) return invalid(`${what} must be an integer, but it is: ${name}`);
  return Number(name) === broker.leadership.nodeId
    ? undefined
    : invalid(`Unexpected broker id, expected ${broker.leadership.nodeId}${expected} but received ${name}`);
}
