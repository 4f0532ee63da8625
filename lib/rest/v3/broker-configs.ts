import * as v from 'valibot';
import { CLUSTER, type Decisions } from '../../auth/authorize.ts';
import { brokerConfigsProblem, describeBrokerConfigs } from '../../topics/configs/broker-configs.ts';
import type { ConfigChange } from '../../topics/configs/change-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { type Answer, isRefusal, NO_CONTENT, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure, refusedWith } from '../errors.ts';
import { liveNodes } from '../find-topic.ts';
import { nodeCalled } from './brokers.ts';
import {
  alterConfigs,
  alterConfigsBody,
  CONFIG_FIELDS,
  configFields,
  setConfig,
  updateConfigBody,
} from './config-data.ts';
import { CONFIGS_TAG, type ConfigRequest, type ConfiguredResource, configRoutes } from './config-routes.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema, resourceSchema } from './resource.ts';

const brokerConfigData = resourceSchema('KafkaBrokerConfig', { ...CONFIG_FIELDS, broker_id: v.number() });
const BROKER_CONFIG_LIST = { status: 200, schema: listSchema('KafkaBrokerConfigList', brokerConfigData) };
const clusterConfigData = resourceSchema('KafkaClusterConfig', { ...CONFIG_FIELDS, config_type: v.string() });

const readAccesses = () => [{ operation: 'DESCRIBE_CONFIGS', resource: CLUSTER }] as const;
const changeAccesses = () => [...readAccesses(), { operation: 'ALTER_CONFIGS', resource: CLUSTER }] as const;

/** GET brokers/-/configs: of this process. Those of other gateways of a fleet are theirs to tell. */
const listAllConfigs = defineClusterRoute({
  method: 'GET',
  path: '/brokers/-/configs',
  summary: 'List the configs of all brokers',
  tag: CONFIGS_TAG,
  success: BROKER_CONFIG_LIST,
  accesses: readAccesses,
  async handle(rest, { decisions, context }, cluster) {
    const { nodeId } = rest.leadership;
    const configs = await readConfigs(rest, { id: `${nodeId}`, decisions, context });
    if (isRefusal(configs)) return configs;
    const data = configs.map((config) => describe(cluster, nodeId, config));
    return list('KafkaBrokerConfigList', cluster.url('brokers', '-', 'configs'), data);
  },
});

const brokerConfigsOf: ConfiguredResource = {
  path: '/brokers/{broker_id}',
  parameter: 'broker_id',
  name: 'broker',
  kind: 'KafkaBrokerConfig',
  schema: brokerConfigData,
  accesses: (operation) => [{ operation, resource: CLUSTER }],
  read: readConfigs,
  change: async (_rest, { decisions }, changes) => change(decisions, changes),
  describe: (cluster, id, config) => describe(cluster, Number(id), config),
  called: (id) => `BROKER ${id}`,
};

/** The cluster-wide configs that were set while brokers ran: a process's settings cannot be. */
const listClusterConfigs = defineClusterRoute({
  method: 'GET',
  path: '/broker-configs',
  summary: 'List the dynamic configs of all brokers',
  tag: CONFIGS_TAG,
  success: { status: 200, schema: listSchema('KafkaClusterConfigList', clusterConfigData) },
  accesses: readAccesses,
  async handle(_rest, { decisions }, cluster) {
    return (
      forbidden(decisions, 'DESCRIBE_CONFIGS') ?? list('KafkaClusterConfigList', cluster.url('broker-configs'), [])
    );
  },
});

const getClusterConfig = defineClusterRoute({
  method: 'GET',
  path: '/broker-configs/{name}',
  summary: 'Get a dynamic config of all brokers',
  tag: CONFIGS_TAG,
  success: { status: 200, schema: clusterConfigData },
  accesses: readAccesses,
  async handle(_rest, { decisions }) {
    return forbidden(decisions, 'DESCRIBE_CONFIGS') ?? refusedWith(404);
  },
});

const putClusterConfig = defineClusterRoute({
  method: 'PUT',
  path: '/broker-configs/{name}',
  summary: 'Set a dynamic config of all brokers',
  tag: CONFIGS_TAG,
  body: { kind: 'json', schema: updateConfigBody },
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(_rest, { parameters, body, decisions }) {
    const changes = setConfig(parameters.name, body);
    return isRefusal(changes) ? changes : change(decisions, changes);
  },
});

const deleteClusterConfig = defineClusterRoute({
  method: 'DELETE',
  path: '/broker-configs/{name}',
  summary: 'Reset a dynamic config of all brokers',
  tag: CONFIGS_TAG,
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(_rest, { parameters, decisions }) {
    return change(decisions, [{ name: parameters.name, operation: 'DELETE' }]);
  },
});

const alterClusterConfigs = defineClusterRoute({
  method: 'POST',
  path: '/broker-configs:alter',
  summary: 'Change dynamic configs of all brokers',
  tag: CONFIGS_TAG,
  body: { kind: 'json', schema: alterConfigsBody },
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(rest, { body, decisions }) {
    const changes = alterConfigs(body, describeBrokerConfigs(rest.admin.brokerConfigs), 'all brokers');
    return isRefusal(changes) ? changes : change(decisions, changes);
  },
});

function forbidden(decisions: Decisions, operation: 'DESCRIBE_CONFIGS' | 'ALTER_CONFIGS'): Refusal | undefined {
  return decisions.allows(operation, CLUSTER) ? undefined : kafkaFailure({ error: 'CLUSTER_AUTHORIZATION_FAILED' });
}

/** The configs of a broker. A process knows its own alone. */
async function readConfigs(
  rest: RestEnvironment,
  { id, decisions, context }: ConfigRequest,
): Promise<readonly DescribedConfig[] | Refusal> {
  const problem = forbidden(decisions, 'DESCRIBE_CONFIGS');
  if (problem !== undefined) return problem;
  const node = nodeCalled(await liveNodes(rest, context), id);
  if (node === undefined) return refusedWith(404);
  const { nodeId } = rest.leadership;
  if (node.nodeId !== nodeId) {
    const message = `Unexpected broker id, expected ${nodeId} but received ${id}`;
    return kafkaFailure({ error: 'INVALID_REQUEST', message });
  }
  return describeBrokerConfigs(rest.admin.brokerConfigs);
}

async function change(decisions: Decisions, changes: readonly ConfigChange[]): Promise<Answer> {
  const failure = brokerConfigsProblem(changes);
  return forbidden(decisions, 'ALTER_CONFIGS') ?? (failure === undefined ? NO_CONTENT : kafkaFailure(failure));
}

function describe(cluster: ClusterLinks, nodeId: number, config: DescribedConfig) {
  const crnParts = [
    ['broker', nodeId],
    ['config', config.name],
  ] as const;
  return {
    ...cluster.head('KafkaBrokerConfig', ['brokers', nodeId, 'configs', config.name], crnParts),
    broker_id: nodeId,
    ...configFields(config),
  };
}

export const brokerConfigRoutes = [
  listAllConfigs,
  ...configRoutes(brokerConfigsOf),
  listClusterConfigs,
  getClusterConfig,
  putClusterConfig,
  deleteClusterConfig,
  alterClusterConfigs,
];
