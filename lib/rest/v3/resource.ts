import * as v from 'valibot';
import type { Answer } from '../answer.ts';
import type { RestEnvironment } from '../environment.ts';
import { refusedWith } from '../errors.ts';
import { crn, type Links } from '../links.ts';
import { JSON_TYPE } from '../media-type.ts';
import { type AnyRoute, defineRoute, type RestRequest, type Route } from '../route.ts';

/** What routes of v3 have in common. */
export const V3 = { consumes: [JSON_TYPE], produces: [JSON_TYPE] } as const;

export const relationship = v.object({ related: v.string() });

/** The schema of a resource of v3 with these fields. */
export function resourceSchema<Fields extends v.ObjectEntries>(kind: string, fields: Fields) {
  return v.object({
    kind: v.literal(kind),
    metadata: v.object({ self: v.string(), resource_name: v.nullish(v.string()) }),
    ...fields,
  });
}

/** The schema of a list of resources. */
export function listSchema<Schema extends v.GenericSchema>(kind: string, data: Schema) {
  return v.object({
    kind: v.literal(kind),
    metadata: v.object({ self: v.string(), next: v.nullable(v.string()) }),
    data: v.array(data),
  });
}

/** The answer to a list, which always has one page. */
export function list(kind: string, self: string, data: readonly unknown[]): Answer {
  return { kind: 'answer', status: 200, body: { kind, metadata: { self, next: null }, data } };
}

/** Where the resources of the cluster are. */
export class ClusterLinks {
  readonly #links: Links;
  readonly #clusterId: string;

  constructor(links: Links, { clusterId }: RestEnvironment) {
    this.#links = links;
    this.#clusterId = clusterId;
  }

  url(...segments: readonly (string | number)[]): string {
    return this.#links.url('v3', 'clusters', this.#clusterId, ...segments);
  }

  related(...segments: readonly (string | number)[]): { readonly related: string } {
    return { related: this.url(...segments) };
  }

  /** The head of a resource: what it is, where it is, and its name. */
  head(kind: string, segments: readonly (string | number)[], name: readonly (readonly [string, string | number])[]) {
    return {
      kind,
      metadata: { self: this.url(...segments), resource_name: crn(['kafka', this.#clusterId], ...name) },
      cluster_id: this.#clusterId,
    };
  }
}

const CLUSTER_PATH = '/v3/clusters/{cluster_id}';

/** A route under a cluster, and its path there. */
interface ClusterRoute<Path extends string, Body, Query>
  extends Omit<Route<`${typeof CLUSTER_PATH}${Path}`, Body, Query>, 'path' | 'handle' | 'consumes' | 'produces'> {
  readonly path: Path;
  /** Media types of the answer. Default: JSON. */
  readonly produces?: readonly string[];
  /** Whether any id of a cluster is taken, as Confluent's produce does. */
  readonly takesAnyCluster?: boolean;
  handle(
    rest: RestEnvironment,
    request: RestRequest<`${typeof CLUSTER_PATH}${Path}`, Body, Query>,
    cluster: ClusterLinks,
  ): Promise<Answer>;
}

/** A route under `/v3/clusters/{cluster_id}`. Requests for another cluster are refused. */
export function defineClusterRoute<const Path extends string, Body = undefined, Query = unknown>(
  route: ClusterRoute<Path, Body, Query>,
): AnyRoute {
  return defineRoute<`${typeof CLUSTER_PATH}${Path}`, Body, Query>({
    ...route,
    ...V3,
    produces: route.produces ?? V3.produces,
    path: `${CLUSTER_PATH}${route.path}`,
    async handle(rest, request) {
      const { cluster_id: asked } = request.parameters as { readonly cluster_id: string };
      if (asked !== rest.clusterId && route.takesAnyCluster !== true) {
        return refusedWith(404, `Cluster ${asked} cannot be found.`);
      }
      return route.handle(rest, request, new ClusterLinks(request.links, rest));
    },
  });
}
