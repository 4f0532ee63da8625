import { ApiKey } from '../../wire/apis.ts';
import { brokerRefusal } from '../failure.ts';
import type { KafkaClient } from './kafka-client.ts';

/** Kafka's ConfigResource.Type. */
export const ResourceType = { topic: 2, broker: 4 } as const;

export interface Resource {
  readonly type: (typeof ResourceType)[keyof typeof ResourceType];
  /** The topic's name, or the broker's id. */
  readonly name: string;
}

export interface ConfigEntry {
  readonly name: string;
  /** Null for secrets, which brokers do not return. */
  readonly value: string | null;
  readonly source: string;
  readonly isDefault: boolean;
  readonly isSensitive: boolean;
  readonly isReadOnly: boolean;
}

/** Kafka's ConfigEntry.ConfigSource by its code on the wire (DescribeConfigsResponse). */
const SOURCES = ['unknown', 'topic', 'broker', 'cluster', 'static', 'default', 'logger', 'client metrics', 'group'];
const SOURCE_TOPIC = 1;
const SOURCE_DEFAULT = 5;

/** IncrementalAlterConfigs' operations. */
const SET = 0;
const DELETE = 1;

/** All configs of a resource, by name. Throws CommandError. */
export async function describeConfigs(client: KafkaClient, resource: Resource): Promise<ConfigEntry[]> {
  const { results } = await client.ask(
    ApiKey.DescribeConfigs,
    { resources: [{ resourceType: resource.type, resourceName: resource.name, configurationKeys: null }] },
    nodeOf(resource),
  );
  const [result] = results;
  if (result === undefined) return [];
  if (result.errorCode !== 0) {
    throw brokerRefusal(
      `The configs of ${showResource(resource)} are not known`,
      result.errorCode,
      result.errorMessage,
    );
  }
  return result.configs
    .map(({ name, value, readOnly, configSource, isSensitive }) => ({
      name,
      value: isSensitive ? null : value,
      source: SOURCES[configSource] ?? 'unknown',
      isDefault: resource.type === ResourceType.topic ? configSource !== SOURCE_TOPIC : configSource === SOURCE_DEFAULT,
      isSensitive,
      isReadOnly: readOnly,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface ConfigChanges {
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly delete: readonly string[];
}

/** Changes single configs, all of them or none. Throws CommandError. */
export async function alterConfigs(client: KafkaClient, resource: Resource, changes: ConfigChanges): Promise<void> {
  const configs = [
    ...changes.set.map(([name, value]) => ({ name, configOperation: SET, value })),
    ...changes.delete.map((name) => ({ name, configOperation: DELETE, value: null })),
  ];
  const { responses } = await client.ask(
    ApiKey.IncrementalAlterConfigs,
    { resources: [{ resourceType: resource.type, resourceName: resource.name, configs }], validateOnly: false },
    nodeOf(resource),
  );
  const [answer] = responses;
  if (answer !== undefined && answer.errorCode !== 0) {
    throw brokerRefusal(
      `The configs of ${showResource(resource)} were not changed`,
      answer.errorCode,
      answer.errorMessage,
    );
  }
}

/** `topic words`, `broker 1`. */
export function showResource({ type, name }: Resource): string {
  return `${type === ResourceType.topic ? 'topic' : 'broker'} ${name}`;
}

/** Requests for a broker's own configs go to that broker, as in Kafka's admin client. */
function nodeOf({ type, name }: Resource): { node?: number } {
  return type === ResourceType.broker ? { node: Number(name) } : {};
}
