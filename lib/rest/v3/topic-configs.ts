import * as v from 'valibot';
import { ANY_TOPIC, topicAccesses, topicResource } from '../../auth/authorize.ts';
import { changeTopicConfigs } from '../../topics/alter-topic-configs.ts';
import { describeTopicConfigs, describeTopicDefaults } from '../../topics/configs/describe-topic-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { NO_CONTENT } from '../answer.ts';
import { kafkaFailure } from '../errors.ts';
import { CONFIG_FIELDS, configFields } from './config-data.ts';
import { CONFIGS_TAG, type ConfiguredResource, configRoutes } from './config-routes.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, resourceSchema } from './resource.ts';

const schema = resourceSchema('KafkaTopicConfig', { ...CONFIG_FIELDS, topic_name: v.string() });

const topicConfigs: ConfiguredResource = {
  path: '/topics/{topic_name}',
  parameter: 'topic_name',
  name: 'topic',
  kind: 'KafkaTopicConfig',
  schema,
  accesses: (operation, name) => topicAccesses(operation, [name]),
  async read(rest, { id, decisions }) {
    if (!decisions.allows('DESCRIBE_CONFIGS', topicResource(id))) return FORBIDDEN;
    const topic = await rest.admin.topics.read(id);
    if (topic === undefined) return kafkaFailure({ error: 'UNKNOWN_TOPIC_OR_PARTITION' });
    return describeTopicConfigs(topic.record, describeTopicDefaults(rest.admin.brokerConfigs));
  },
  async change(rest, { id, decisions }, changes, validateOnly) {
    if (!decisions.allows('ALTER_CONFIGS', topicResource(id))) return FORBIDDEN;
    const failure = await changeTopicConfigs(rest.admin, id, { changes, replace: false, validateOnly });
    return failure === undefined ? NO_CONTENT : kafkaFailure(failure);
  },
  describe,
  called: (name) => `TOPIC ${name}`,
};

const FORBIDDEN = kafkaFailure({ error: 'TOPIC_AUTHORIZATION_FAILED' });

/** GET topics/-/configs: of all topics that the client may see the configs of. */
const listAllConfigs = defineClusterRoute({
  method: 'GET',
  path: '/topics/-/configs',
  summary: 'List the configs of all topics',
  tag: CONFIGS_TAG,
  success: { status: 200, schema: listSchema('KafkaTopicConfigList', schema) },
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

export const topicConfigRoutes = [listAllConfigs, ...configRoutes(topicConfigs)];
