import { ANY_TOPIC, groupAccesses, groupResource } from '../../auth/authorize.ts';
import type { RestConsumer } from '../../storage/items/rest-consumer.ts';
import { type Answer, isRefusal, type Refusal } from '../answer.ts';
import { type LoadedInstance, loadInstance, saveInstance } from '../consumers/instances.ts';
import type { RestEnvironment } from '../environment.ts';
import { kafkaFailure } from '../errors.ts';
import { V2_EMBEDDED_TYPES, V2_TYPE } from '../media-type.ts';
import { type AnyRoute, defineRoute, type RestRequest, type Route } from '../route.ts';

const INSTANCE_PATH = '/consumers/{group_name}/instances/{instance}';

/** Every resource of consumers takes and gives any of these types. */
export const CONSUMER_TYPES = { consumes: [V2_TYPE, ...V2_EMBEDDED_TYPES], produces: [V2_TYPE, ...V2_EMBEDDED_TYPES] };

/** The rights of a consumer: to its group, and to read topics. */
export function consumerAccesses(group: string) {
  return [
    ...groupAccesses('READ', [group]),
    { operation: 'DESCRIBE', resource: ANY_TOPIC },
    { operation: 'READ', resource: ANY_TOPIC },
  ] as const;
}

/** The answer, and the instance as it is after the request; left out if it is gone or as before. */
export interface InstanceOutcome {
  readonly answer: Answer;
  readonly instance?: RestConsumer;
}

interface InstanceRoute<Path extends string, Body, Query>
  extends Omit<
    Route<`${typeof INSTANCE_PATH}${Path}`, Body, Query>,
    'path' | 'handle' | 'consumes' | 'produces' | 'accesses' | 'tag'
  > {
  readonly path: Path;
  handle(
    rest: RestEnvironment,
    request: RestRequest<`${typeof INSTANCE_PATH}${Path}`, Body, Query>,
    loaded: LoadedInstance,
  ): Promise<InstanceOutcome | Refusal>;
}

/**
 * A route of one consumer instance: reads it, and stores it before the answer leaves. If another
 * request changed it meanwhile, this one is refused, and its answer is not given.
 */
export function defineInstanceRoute<const Path extends string, Body = undefined, Query = unknown>(
  route: InstanceRoute<Path, Body, Query>,
): AnyRoute {
  return defineRoute<`${typeof INSTANCE_PATH}${Path}`, Body, Query>({
    ...route,
    ...CONSUMER_TYPES,
    tag: 'Consumers (v2)',
    path: `${INSTANCE_PATH}${route.path}`,
    accesses: ({ parameters }) => consumerAccesses((parameters as { readonly group_name: string }).group_name),
    async handle(rest, request) {
      const { group_name: group, instance: name } = request.parameters as { group_name: string; instance: string };
      if (!request.decisions.allows('READ', groupResource(group))) {
        return kafkaFailure({ error: 'GROUP_AUTHORIZATION_FAILED' });
      }
      const loaded = await loadInstance(rest, group, name);
      if (isRefusal(loaded)) return loaded;
      const outcome = await route.handle(rest, request, loaded);
      if (isRefusal(outcome)) return outcome;
      if (outcome.instance === undefined) return outcome.answer;
      return (await saveInstance(rest, loaded, outcome.instance)) ?? outcome.answer;
    },
  });
}
