import type * as v from 'valibot';
import type { Access, Decisions } from '../../auth/authorize.ts';
import type { RequestContext } from '../../core/context.ts';
import type { ConfigChange } from '../../topics/configs/change-configs.ts';
import type { DescribedConfig } from '../../topics/configs/described-config.ts';
import { type Answer, isRefusal, ok, type Refusal } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import type { AnyRoute } from '../route.ts';
import { alterConfigs, alterConfigsBody, configCalled, setConfig, updateConfigBody } from './config-data.ts';
import { type ClusterLinks, defineClusterRoute, list, listSchema } from './resource.ts';

export const CONFIGS_TAG = 'Configs (v3)';

/** What a client asks of a resource, with what it may do. */
export interface ConfigRequest {
  /** The resource, as the path names it. */
  readonly id: string;
  readonly decisions: Decisions;
  readonly context: RequestContext;
}

/** A kind of resource with configs: its routes, its rights, and how its configs are read and changed. */
export interface ConfiguredResource {
  /** Of one resource, under the cluster; `parameter` is the name in its braces. */
  readonly path: string;
  readonly parameter: string;
  /** For summaries: 'topic'. */
  readonly name: string;
  /** The kind of one config: 'KafkaTopicConfig'. */
  readonly kind: string;
  readonly schema: v.GenericSchema;
  accesses(operation: 'DESCRIBE_CONFIGS' | 'ALTER_CONFIGS', id: string): readonly Access[];
  /** The configs of a resource that the client may see. */
  read(rest: RestEnvironment, request: ConfigRequest): Promise<readonly DescribedConfig[] | Refusal>;
  /** Carries changes out: all or none. Checks the right to change. */
  change(
    rest: RestEnvironment,
    request: ConfigRequest,
    changes: readonly ConfigChange[],
    validateOnly: boolean,
  ): Promise<Answer>;
  /** A config in v3's form. */
  describe(cluster: ClusterLinks, id: string, config: DescribedConfig): unknown;
  /** For messages: 'TOPIC orders'. */
  called(id: string): string;
}

/** The routes of the configs of one resource: list, get, set, reset, and several changes at once. */
export function configRoutes(resource: ConfiguredResource): AnyRoute[] {
  const { path, name, kind, schema } = resource;
  const idOf = (parameters: object) => (parameters as Readonly<Record<string, string>>)[resource.parameter]!;
  const mayRead = ({ parameters }: { readonly parameters: object }) =>
    resource.accesses('DESCRIBE_CONFIGS', idOf(parameters));
  const mayChange = ({ parameters }: { readonly parameters: object }) => [
    ...mayRead({ parameters }),
    ...resource.accesses('ALTER_CONFIGS', idOf(parameters)),
  ];
  const asked = (request: Omit<ConfigRequest, 'id'> & { readonly parameters: object }): ConfigRequest => ({
    id: idOf(request.parameters),
    decisions: request.decisions,
    context: request.context,
  });
  const one = async (rest: RestEnvironment, request: ConfigRequest, parameters: object) => {
    const configs = await resource.read(rest, request);
    return isRefusal(configs) ? configs : configCalled(configs, (parameters as { readonly name: string }).name);
  };

  const listAll = defineClusterRoute({
    method: 'GET',
    path: `${path}/configs`,
    summary: `List the configs of a ${name}`,
    tag: CONFIGS_TAG,
    success: { status: 200, schema: listSchema(`${kind}List`, schema) },
    accesses: mayRead,
    async handle(rest, received, cluster) {
      const request = asked(received);
      const configs = await resource.read(rest, request);
      if (isRefusal(configs)) return configs;
      const data = configs.map((config) => resource.describe(cluster, request.id, config));
      return list(`${kind}List`, cluster.url(`${name}s`, request.id, 'configs'), data);
    },
  });

  const get = defineClusterRoute({
    method: 'GET',
    path: `${path}/configs/{name}`,
    summary: `Get a config of a ${name}`,
    tag: CONFIGS_TAG,
    success: { status: 200, schema },
    accesses: mayRead,
    async handle(rest, received, cluster) {
      const request = asked(received);
      const config = await one(rest, request, received.parameters);
      return isRefusal(config) ? config : ok(resource.describe(cluster, request.id, config));
    },
  });

  const put = defineClusterRoute({
    method: 'PUT',
    path: `${path}/configs/{name}`,
    summary: `Set a config of a ${name}`,
    tag: CONFIGS_TAG,
    body: { kind: 'json', schema: updateConfigBody },
    success: { status: 204 },
    accesses: mayChange,
    async handle(rest, received) {
      const request = asked(received);
      const config = await one(rest, request, received.parameters);
      if (isRefusal(config)) return config;
      const changes = setConfig(config.name, received.body);
      return isRefusal(changes) ? changes : resource.change(rest, request, changes, false);
    },
  });

  const reset = defineClusterRoute({
    method: 'DELETE',
    path: `${path}/configs/{name}`,
    summary: `Reset a config of a ${name} to its default`,
    tag: CONFIGS_TAG,
    success: { status: 204 },
    accesses: mayChange,
    async handle(rest, received) {
      const request = asked(received);
      const config = await one(rest, request, received.parameters);
      if (isRefusal(config)) return config;
      return resource.change(rest, request, [{ name: config.name, operation: 'DELETE' }], false);
    },
  });

  const alter = defineClusterRoute({
    method: 'POST',
    path: `${path}/configs:alter`,
    summary: `Change configs of a ${name}: all or none`,
    tag: CONFIGS_TAG,
    body: { kind: 'json', schema: alterConfigsBody },
    success: { status: 204 },
    accesses: mayChange,
    async handle(rest, received) {
      const request = asked(received);
      const configs = await resource.read(rest, request);
      if (isRefusal(configs)) return configs;
      const what = `${resource.called(request.id)} in cluster ${rest.clusterId}`;
      const changes = alterConfigs(received.body, configs, what);
      if (isRefusal(changes)) return changes;
      return resource.change(rest, request, changes, received.body.validate_only === true);
    },
  });

  return [listAll, get, put, reset, alter];
}
