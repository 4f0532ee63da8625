import { errorCode, type Failure } from '../../core/errors.ts';
import { each } from '../../kit/each.ts';
import { StoreUnavailableError } from '../../storage/ports.ts';
import { describeBrokerConfigs } from '../../topics/configs/broker-configs.ts';
import { describeTopicConfigs, describeTopicDefaults } from '../../topics/configs/describe-topic-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { describeGroupConfigs } from '../../topics/configs/group-configs.ts';
import { topicNameProblem } from '../../topics/topic-name.ts';
import type { ApiKey, RequestBody } from '../../wire/apis.ts';
import { DescribeConfigs } from '../../wire/messages/32-describe-configs.ts';
import type { Broker } from '../broker.ts';
import {
  type ConfigsRefusal,
  configAccesses,
  isConfigResource,
  nodeProblem,
  ResourceType,
  refusalBy,
} from '../config-resources.ts';
import { defineApi } from '../define-api.ts';
import { describedConfig } from '../described-configs.ts';
import { type FindTopic, topicFinder } from '../find-topics.ts';

/**
 * Resources that one request may name: an answer has about 3 KB for each, ten with synonyms and
 * documentation.
 */
export const RESOURCES_MAX = 10_000;

type Resource = RequestBody<typeof ApiKey.DescribeConfigs>['resources'][number];

/**
 * DescribeConfigs, versions 1 to 4: topics, this process, its loggers (none can be changed), and
 * the settings of groups. An unknown resource type fails the whole request, as in Kafka.
 */
export const describeConfigs = defineApi(DescribeConfigs, async (broker, request, _version, context) => {
  const { resources, includeSynonyms, includeDocumentation } = request;
  const refused = refusal(resources);
  const decisions = await broker.authorize(context, configAccesses('DESCRIBE_CONFIGS', resources));
  const forbidden = refusalBy(decisions, 'DESCRIBE_CONFIGS');
  const topicCount = resources.filter(
    ({ resourceType, resourceName }) =>
      resourceType === ResourceType.TOPIC && forbidden(resourceType, resourceName) === undefined,
  ).length;
  const find = refused === undefined ? await finderOrFailure(broker, topicCount) : refused;
  const configs = new Configs(broker, forbidden, find);
  // Most topics share the objects of the default configs, so each object is converted only once.
  const encoded = new Map<DescribedConfig, ReturnType<typeof describedConfig>>();
  const encode = (config: DescribedConfig) => {
    let one = encoded.get(config);
    if (one === undefined) {
      one = describedConfig(config, includeSynonyms, includeDocumentation);
      encoded.set(config, one);
    }
    return one;
  };
  const describe = async (resource: Resource) => {
    const { resourceType, resourceName, configurationKeys } = resource;
    const outcome = await configs.of(resource);
    if ('error' in outcome) {
      const { error, message } = outcome;
      return { errorCode: errorCode(error), errorMessage: message ?? null, resourceType, resourceName, configs: [] };
    }
    const names = new Set(configurationKeys);
    const asked = names.size === 0 ? outcome : outcome.filter(({ name }) => names.has(name));
    return { errorCode: 0, errorMessage: '', resourceType, resourceName, configs: asked.map(encode) };
  };
  return { results: await each(broker, resources, describe, (resource) => JSON.stringify(resource)) };
});

/** The error of the whole request. */
function refusal(resources: readonly Resource[]): Failure | undefined {
  if (resources.length > RESOURCES_MAX) {
    return { error: 'POLICY_VIOLATION', message: `a request names at most ${RESOURCES_MAX} resources` };
  }
  const unknown = resources.find(({ resourceType }) => !isConfigResource(resourceType));
  return unknown === undefined ? undefined : invalid(`Unexpected resource type ${unknown.resourceType}`);
}

async function finderOrFailure(broker: Broker, count: number): Promise<FindTopic | Failure> {
  try {
    return await topicFinder(broker, count, true);
  } catch (error) {
    return storeFailure(error);
  }
}

class Configs {
  readonly #broker: Broker;
  readonly #refusal: ConfigsRefusal;
  readonly #find: FindTopic | Failure;
  #topicDefaults: readonly DescribedConfig[] | undefined;

  constructor(broker: Broker, refusal: ConfigsRefusal, find: FindTopic | Failure) {
    this.#broker = broker;
    this.#refusal = refusal;
    this.#find = find;
  }

  async of({ resourceType, resourceName: name }: Resource): Promise<readonly DescribedConfig[] | Failure> {
    const find = this.#find;
    if (typeof find !== 'function') return find;
    const error = this.#refusal(resourceType, name);
    if (error !== undefined) return { error };
    const { brokerConfigs } = this.#broker.admin;
    switch (resourceType) {
      case ResourceType.TOPIC:
        return this.#ofTopic(name, find);
      case ResourceType.BROKER:
        // The cluster-wide dynamic configs: there are none.
        if (name === '') return [];
        return (
          nodeProblem(this.#broker, name, 'Broker id', ' or empty string,') ?? describeBrokerConfigs(brokerConfigs)
        );
      case ResourceType.BROKER_LOGGER:
        return name === ''
          ? invalid('Broker id must not be empty')
          : (nodeProblem(this.#broker, name, 'Broker id') ?? []);
      case ResourceType.GROUP:
        return name === '' ? invalid('Group name must not be empty') : describeGroupConfigs(brokerConfigs);
      default:
        return name === ''
          ? invalid('Client metrics subscription name must not be empty')
          : invalid('Unsupported resource type: CLIENT_METRICS');
    }
  }

  async #ofTopic(name: string, find: FindTopic): Promise<readonly DescribedConfig[] | Failure> {
    const problem = topicNameProblem(name);
    if (problem !== undefined) return { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
    try {
      const topic = await find(name);
      if (topic === undefined) {
        return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `The topic '${name}' does not exist.` };
      }
      this.#topicDefaults ??= describeTopicDefaults(this.#broker.admin.brokerConfigs);
      return describeTopicConfigs(topic.record, this.#topicDefaults);
    } catch (error) {
      return storeFailure(error);
    }
  }
}

function storeFailure(error: unknown): Failure {
  if (error instanceof StoreUnavailableError) return { error: 'REQUEST_TIMED_OUT', message: error.message };
  throw error;
}

function invalid(message: string): Failure {
  return { error: 'INVALID_REQUEST', message };
}
