import * as v from 'valibot';
import { CLUSTER, type Decisions } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import { brokerConfigsProblem, describeBrokerConfigs } from '../../topics/configs/broker-configs.ts';
import type { ConfigChange } from '../../topics/configs/change-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { type Answer, isRefusal, NO_CONTENT, ok, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure, refusedWith } from '../errors.ts';
import { liveNodes } from '../find-topic.ts';
import { nodeCalled } from './brokers.ts';
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
const brokerConfigData = resourceSchema('KafkaBrokerConfig', { ...CONFIG_FIELDS, broker_id: v.number() });
const BROKER_CONFIG_LIST = { status: 200, schema: listSchema('KafkaBrokerConfigList', brokerConfigData) };
const clusterConfigData = resourceSchema('KafkaClusterConfig', { ...CONFIG_FIELDS, config_type: v.string() });

const readAccesses = () => [{ operation: 'DESCRIBE_CONFIGS', resource: CLUSTER }] as const;
const changeAccesses = () => [...readAccesses(), { operation: 'ALTER_CONFIGS', resource: CLUSTER }] as const;

const listConfigs = defineClusterRoute({
  method: 'GET',
  path: '/brokers/{broker_id}/configs',
  summary: 'List the configs of a broker',
  tag: TAG,
  success: BROKER_CONFIG_LIST,
  accesses: readAccesses,
  async handle(rest, { parameters, decisions, context }, cluster) {
    const found = await brokerConfigs(rest, decisions, context, parameters.broker_id);
    if (isRefusal(found)) return found;
    const { nodeId, configs } = found;
    const data = configs.map((config) => describe(cluster, nodeId, config));
    return list('KafkaBrokerConfigList', cluster.url('brokers', nodeId, 'configs'), data);
  },
});

/** GET brokers/-/configs: of this process. Those of other gateways of a fleet are theirs to tell. */
const listAllConfigs = defineClusterRoute({
  method: 'GET',
  path: '/brokers/-/configs',
  summary: 'List the configs of all brokers',
  tag: TAG,
  success: BROKER_CONFIG_LIST,
  accesses: readAccesses,
  async handle(rest, { decisions, context }, cluster) {
    const found = await brokerConfigs(rest, decisions, context, String(rest.leadership.nodeId));
    if (isRefusal(found)) return found;
    const { nodeId, configs } = found;
    const data = configs.map((config) => describe(cluster, nodeId, config));
    return list('KafkaBrokerConfigList', cluster.url('brokers', '-', 'configs'), data);
  },
});

const getConfig = defineClusterRoute({
  method: 'GET',
  path: '/brokers/{broker_id}/configs/{name}',
  summary: 'Get a config of a broker',
  tag: TAG,
  success: { status: 200, schema: brokerConfigData },
  accesses: readAccesses,
  async handle(rest, { parameters, decisions, context }, cluster) {
    const found = await brokerConfigs(rest, decisions, context, parameters.broker_id);
    if (isRefusal(found)) return found;
    const config = configCalled(found.configs, parameters.name);
    return isRefusal(config) ? config : ok(describe(cluster, found.nodeId, config));
  },
});

const putConfig = defineClusterRoute({
  method: 'PUT',
  path: '/brokers/{broker_id}/configs/{name}',
  summary: 'Set a config of a broker',
  tag: TAG,
  body: { kind: 'json', schema: updateConfigBody },
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(rest, { parameters, body, decisions, context }) {
    const found = await brokerConfigs(rest, decisions, context, parameters.broker_id);
    if (isRefusal(found)) return found;
    const config = configCalled(found.configs, parameters.name);
    if (isRefusal(config)) return config;
    const changes = setConfig(config.name, body);
    return isRefusal(changes) ? changes : change(decisions, changes);
  },
});

const deleteConfig = defineClusterRoute({
  method: 'DELETE',
  path: '/brokers/{broker_id}/configs/{name}',
  summary: 'Reset a config of a broker',
  tag: TAG,
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(rest, { parameters, decisions, context }) {
    const found = await brokerConfigs(rest, decisions, context, parameters.broker_id);
    if (isRefusal(found)) return found;
    const config = configCalled(found.configs, parameters.name);
    return isRefusal(config) ? config : change(decisions, [{ name: config.name, operation: 'DELETE' }]);
  },
});

const alter = defineClusterRoute({
  method: 'POST',
  path: '/brokers/{broker_id}/configs:alter',
  summary: 'Change configs of a broker',
  tag: TAG,
  body: { kind: 'json', schema: alterConfigsBody },
  success: { status: 204 },
  accesses: changeAccesses,
  async handle(rest, { parameters, body, decisions, context }) {
    const found = await brokerConfigs(rest, decisions, context, parameters.broker_id);
    if (isRefusal(found)) return found;
    const changes = alterConfigs(body, found.configs, `BROKER ${found.nodeId} in cluster ${rest.clusterId}`);
    return isRefusal(changes) ? changes : change(decisions, changes);
  },
});

/** The cluster-wide configs that were set while brokers ran: a process's settings cannot be. */
const listClusterConfigs = defineClusterRoute({
  method: 'GET',
  path: '/broker-configs',
  summary: 'List the dynamic configs of all brokers',
  tag: TAG,
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
  tag: TAG,
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
  tag: TAG,
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
  tag: TAG,
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
  tag: TAG,
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
async function brokerConfigs(
  rest: RestEnvironment,
  decisions: Decisions,
  context: RequestContext,
  id: string,
): Promise<{ readonly nodeId: number; readonly configs: DescribedConfig[] } | Refusal> {
  const problem = forbidden(decisions, 'DESCRIBE_CONFIGS');
  if (problem !== undefined) return problem;
  const node = nodeCalled(await liveNodes(rest, context), id);
  if (node === undefined) return refusedWith(404);
  const { nodeId } = rest.leadership;
  if (node.nodeId !== nodeId) {
    const message = `Unexpected broker id, expected ${nodeId} but received ${id}`;
    return kafkaFailure({ error: 'INVALID_REQUEST', message });
  }
  return { nodeId, configs: describeBrokerConfigs(rest.admin.brokerConfigs) };
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
  listConfigs,
  getConfig,
  putConfig,
  deleteConfig,
  alter,
  listClusterConfigs,
  getClusterConfig,
  putClusterConfig,
  deleteClusterConfig,
  alterClusterConfigs,
];
