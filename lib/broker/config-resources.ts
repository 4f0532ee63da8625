import { CLUSTER, type Resource, topicResource } from '../auth/authorize.ts';
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

/** Asks `allowed` for each resource: of a topic or a group by its name, of all others for the cluster. */
export function refusalBy(allowed: (resource: Resource) => boolean): ConfigsRefusal {
  return (type, name) => {
    switch (type) {
      case ResourceType.TOPIC:
        return allowed(topicResource(name)) ? undefined : 'TOPIC_AUTHORIZATION_FAILED';
      case ResourceType.GROUP:
        return allowed({ type: 'GROUP', name }) ? undefined : 'GROUP_AUTHORIZATION_FAILED';
      default:
        return allowed(CLUSTER) ? undefined : 'CLUSTER_AUTHORIZATION_FAILED';
    }
  };
}

/** Why a name does not stand for this process; undefined if it does. `what` and `expected` are as Kafka words its sentence. */
export function nodeProblem(broker: Broker, name: string, what: string, expected = ''): Failure | undefined {
  const invalid = (message: string): Failure => ({ error: 'INVALID_REQUEST', message });
  if (!/^[+-]?\d{1,10}$/.test(name)) return invalid(`${what} must be an integer, but it is: ${name}`);
  return Number(name) === broker.nodeId
    ? undefined
    : invalid(`Unexpected broker id, expected ${broker.nodeId}${expected} but received ${name}`);
}
