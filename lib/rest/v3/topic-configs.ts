import * as v from 'valibot';
import { ANY_TOPIC, type Decisions, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { changeTopicConfigs } from '../../topics/alter-topic-configs.ts';
import type { ConfigChange } from '../../topics/configs/change-configs.ts';
import { describeTopicConfigs, describeTopicDefaults } from '../../topics/configs/describe-topic-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { type Answer, isRefusal, NO_CONTENT, ok, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure } from '../errors.ts';
import {
  alterConfigs,
  alterConfigsBody,
  CONFIG_FIELDS,
  configCalled,
  configFields,
  setConfig,
  updateConfigBody,
} from './config-data.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, resourceSchema } from './resource.ts';

const TAG = 'Configs (v3)';
const topicConfigData = resourceSchema('KafkaTopicConfig', { ...CONFIG_FIELDS, topic_name: v.string() });
const CONFIG_LIST = { status: 200, schema: listSchema('KafkaTopicConfigList', topicConfigData) };

const listConfigs = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/configs',
  summary: 'List the configs of a topic',
  tag: TAG,
  success: CONFIG_LIST,
  accesses: ({ parameters }) => topicAccesses('DESCRIBE_CONFIGS', [parameters.topic_name]),
  async handle(rest, { parameters, decisions }, cluster) {
    const name = parameters.topic_name;
    const configs = await topicConfigs(rest, decisions, name);
    if (isRefusal(configs)) return configs;
    const data = configs.map((config) => describe(cluster, name, config));
    return list('KafkaTopicConfigList', cluster.url('topics', name, 'configs'), data);
  },
});

/** GET topics/-/configs: of all topics that the client may see the configs of. */
const listAllConfigs = defineClusterRoute({
  method: 'GET',
  path: '/topics/-/configs',
  summary: 'List the configs of all topics',
  tag: TAG,
  success: CONFIG_LIST,
  accesses: () => [{ operation: 'DESCRIBE_CONFIGS', resource: ANY_TOPIC }],
  async handle(rest, { decisions }, cluster) {
    const defaults = describeTopicDefaults(rest.admin.brokerConfigs);
    const data: unknown[] = [];
    for (const { record } of await rest.admin.topics.list()) {
      await rest.turns.turn();
      if (!decisions.allows('DESCRIBE_CONFIGS', topicResource(record.name))) continue;
      for (const config of describeTopicConfigs(record, defaults)) data.push(describe(cluster, record.name, config));
    }
    return list('KafkaTopicConfigList', cluster.url('topics', '-', 'configs'), data);
  },
});

const getConfig = defineClusterRoute({
  method: 'GET',
  path: '/topics/{topic_name}/configs/{name}',
  summary: 'Get a config of a topic',
  tag: TAG,
  success: { status: 200, schema: topicConfigData },
  accesses: ({ parameters }) => topicAccesses('DESCRIBE_CONFIGS', [parameters.topic_name]),
  async handle(rest, { parameters, decisions }, cluster) {
    const configs = await topicConfigs(rest, decisions, parameters.topic_name);
    if (isRefusal(configs)) return configs;
    const config = configCalled(configs, parameters.name);
    return isRefusal(config) ? config : ok(describe(cluster, parameters.topic_name, config));
  },
});

const putConfig = defineClusterRoute({
  method: 'PUT',
  path: '/topics/{topic_name}/configs/{name}',
  summary: 'Set a config of a topic',
  tag: TAG,
  body: { kind: 'json', schema: updateConfigBody },
  success: { status: 204 },
  accesses: ({ parameters }) => changeAccesses(parameters.topic_name),
  async handle(rest, { parameters, body, decisions }) {
    const name = parameters.topic_name;
    const configs = await topicConfigs(rest, decisions, name);
    if (isRefusal(configs)) return configs;
    const config = configCalled(configs, parameters.name);
    if (isRefusal(config)) return config;
    const changes = setConfig(config.name, body);
    return isRefusal(changes) ? changes : change(rest, decisions, name, changes, false);
  },
});

const deleteConfig = defineClusterRoute({
  method: 'DELETE',
  path: '/topics/{topic_name}/configs/{name}',
  summary: 'Reset a config of a topic to its default',
  tag: TAG,
  success: { status: 204 },
  accesses: ({ parameters }) => changeAccesses(parameters.topic_name),
  async handle(rest, { parameters, decisions }) {
    const name = parameters.topic_name;
    const configs = await topicConfigs(rest, decisions, name);
    if (isRefusal(configs)) return configs;
    const config = configCalled(configs, parameters.name);
    if (isRefusal(config)) return config;
    return change(rest, decisions, name, [{ name: config.name, operation: 'DELETE' }], false);
  },
});

/** POST configs:alter: all changes or none. */
const alter = defineClusterRoute({
  method: 'POST',
  path: '/topics/{topic_name}/configs:alter',
  summary: 'Change configs of a topic',
  tag: TAG,
  body: { kind: 'json', schema: alterConfigsBody },
  success: { status: 204 },
  accesses: ({ parameters }) => changeAccesses(parameters.topic_name),
  async handle(rest, { parameters, body, decisions }) {
    const name = parameters.topic_name;
    const configs = await topicConfigs(rest, decisions, name);
    if (isRefusal(configs)) return configs;
    const changes = alterConfigs(body, configs, `TOPIC ${name} in cluster ${rest.clusterId}`);
    if (isRefusal(changes)) return changes;
    return change(rest, decisions, name, changes, body.validate_only === true);
  },
});

function changeAccesses(name: string) {
  return [...topicAccesses('DESCRIBE_CONFIGS', [name]), ...topicAccesses('ALTER_CONFIGS', [name])];
}

/** The configs of a topic that the client may see. */
async function topicConfigs(
  rest: RestEnvironment,
  decisions: Decisions,
  name: string,
): Promise<DescribedConfig[] | Refusal> {
  if (!decisions.allows('DESCRIBE_CONFIGS', topicResource(name))) {
    return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
  }
  const topic = await rest.admin.topics.read(name);
  if (topic === undefined) return kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
  return describeTopicConfigs(topic.record, describeTopicDefaults(rest.admin.brokerConfigs));
}

async function change(
  rest: RestEnvironment,
  decisions: Decisions,
  name: string,
  changes: readonly ConfigChange[],
  validateOnly: boolean,
): Promise<Answer> {
  if (!decisions.allows('ALTER_CONFIGS', topicResource(name))) {
    return kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });
  }
  const failure = await changeTopicConfigs(rest.admin, name, { changes, replace: false, validateOnly });
  return failure === undefined ? NO_CONTENT : kafkaFailure(failure);
}

function describe(cluster: ClusterLinks, topic: string, config: DescribedConfig) {
  const crnParts = [
    ['topic', topic],
    ['config', config.name],
  ] as const;
  return {
    ...cluster.head('KafkaTopicConfig', ['topics', topic, 'configs', config.name], crnParts),
    topic_name: topic,
    ...configFields(config),
  };
}

export const topicConfigRoutes = [listAllConfigs, listConfigs, getConfig, putConfig, deleteConfig, alter];
