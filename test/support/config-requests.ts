import { ApiKey, type ResponseBody } from '../../lib/wire/apis.ts';
import type { KafkaClient } from './kafka-client.ts';

/** Kafka's numbers of what has configs and of what may be done to one. */
export const TOPIC = 2;
export const BROKER = 4;
export const BROKER_LOGGER = 8;
export const CLIENT_METRICS = 16;
export const GROUP = 32;
export const SET = 0;
export const DELETE = 1;
export const APPEND = 2;
export const SUBTRACT = 3;

/** Type, name, then changes: name, operation, value. */
export type Changes = readonly [number, string, ...(readonly [string, number, (string | null)?])[]];
/** Type, name, then configs: name, value. */
export type Replacement = readonly [number, string, ...(readonly [string, string | null])[]];
export type Altered = ResponseBody<typeof ApiKey.AlterConfigs>['responses'];
export type Description = ResponseBody<typeof ApiKey.DescribeConfigs>['results'][number];

/** Changes single configs; the answers, whatever they are. */
export async function change(
  client: KafkaClient,
  resources: readonly Changes[],
  validateOnly = false,
): Promise<Altered> {
  const { responses } = await client.ask(ApiKey.IncrementalAlterConfigs, 1, {
    resources: resources.map(([resourceType, resourceName, ...configs]) => ({
      resourceType,
      resourceName,
      configs: configs.map(([name, configOperation, value = null]) => ({ name, configOperation, value })),
    })),
    validateOnly,
  });
  return responses;
}

/** Replaces all configs; the answers, whatever they are. */
export async function replace(
  client: KafkaClient,
  resources: readonly Replacement[],
  validateOnly = false,
): Promise<Altered> {
  const { responses } = await client.ask(ApiKey.AlterConfigs, 2, {
    resources: resources.map(([resourceType, resourceName, ...configs]) => ({
      resourceType,
      resourceName,
      configs: configs.map(([name, value]) => ({ name, value })),
    })),
    validateOnly,
  });
  return responses;
}

export interface DescribeOptions {
  readonly synonyms?: boolean;
  readonly documentation?: boolean;
}

/** Describes resources: type, name, and the configs that are asked about, all of them where none is. */
export async function describeResources(
  client: KafkaClient,
  resources: readonly (readonly [number, string, (readonly string[])?])[],
  options: DescribeOptions = {},
): Promise<readonly Description[]> {
  const { results } = await client.ask(ApiKey.DescribeConfigs, 4, {
    resources: resources.map(([resourceType, resourceName, keys]) => ({
      resourceType,
      resourceName,
      configurationKeys: keys === undefined ? null : [...keys],
    })),
    includeSynonyms: options.synonyms ?? false,
    includeDocumentation: options.documentation ?? false,
  });
  return results;
}

/** One config of one resource; throws if there is none. */
export async function describeOne(
  client: KafkaClient,
  resourceType: number,
  resourceName: string,
  name: string,
): Promise<Description['configs'][number]> {
  const [result] = await describeResources(client, [[resourceType, resourceName, [name]]], { synonyms: true });
  const [config] = result!.configs;
  if (config === undefined) throw new Error(`${resourceName} has no ${name}: ${result!.errorCode}`);
  return config;
}
