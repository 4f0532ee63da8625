import type { RequestContext } from '../core/context.ts';
import { type ErrorName, errorCode, type Failure } from '../core/errors.ts';
import { each } from '../kit/each.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { changeTopicConfigs } from '../topics/alter-topic-configs.ts';
import { brokerConfigsProblem } from '../topics/configs/broker-configs.ts';
import {
  type AskedConfigChange,
  askedConfigChanges,
  type ConfigChange,
  duplicateConfigs,
} from '../topics/configs/change-configs.ts';
import type { Broker } from './broker.ts';
import { type ConfigsRefusal, nodeProblem, ResourceType } from './config-resources.ts';

/**
 * Resources and configs that one request may name in total, as in Kafka
 * (QuorumController.MAX_RECORDS_PER_USER_OP).
 */
export const CHANGES_MAX = 10_000;

/**
 * Topics changed concurrently: enough to hide the store's latency, few enough to leave capacity for
 * other requests.
 */
const PARALLEL_MAX = 8;

/**
 * Changes not started after this time are not started at all: clients have given up (Kafka's
 * request.timeout.ms); ms.
 */
const TIMEOUT_MS = 30_000;

/** Kafka's operation codes (org.apache.kafka.clients.admin.AlterConfigOp.OpType). */
const OPERATIONS = ['SET', 'DELETE', 'APPEND', 'SUBTRACT'] as const;

export interface ConfigsOfResource {
  readonly resourceType: number;
  readonly resourceName: string;
  readonly configs: readonly {
    readonly name: string;
    readonly value: string | null;
    /** Absent when all configs are replaced. */
    readonly configOperation?: number;
  }[];
}

/**
 * Changes the configs of resources, each resource completely or not at all. With `replace` the
 * named configs replace all others; otherwise each config has an operation. `refusal` checks the
 * client's rights. Returns one answer per resource, in request order (Kafka:
 * ConfigAdminManager.preprocess, ConfigurationControlManager).
 */
export async function alterConfigs(
  broker: Broker,
  context: RequestContext,
  refusal: ConfigsRefusal,
  resources: readonly ConfigsOfResource[],
  { replace, validateOnly }: { readonly replace: boolean; readonly validateOnly: boolean },
) {
  const changes = resources.reduce((sum, { configs }) => sum + 1 + configs.length, 0);
  const mentions = new Map<string, number>();
  for (const one of resources) mentions.set(keyOf(one), (mentions.get(keyOf(one)) ?? 0) + 1);
  const giveUpAt = Math.min(broker.clock.monotonic() + TIMEOUT_MS, context.deadline);
  const alter = new ResourceChanges(broker, refusal, replace, validateOnly);

  const answer = async (resource: ConfigsOfResource): Promise<Failure | undefined> => {
    await broker.turns.turn();
    if (changes > CHANGES_MAX) return TOO_MANY;
    if (mentions.get(keyOf(resource))! > 1) return invalid('Each resource must appear at most once.');
    if (broker.clock.monotonic() > giveUpAt || context.signal.aborted) {
      return { error: 'REQUEST_TIMED_OUT', message: 'the request names too much to be done in time' };
    }
    try {
      return await alter.apply(resource);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { error: 'REQUEST_TIMED_OUT', message: error.message };
    }
  };

  const failures = await each({ atOnce: PARALLEL_MAX }, resources, answer);
  return resources.map(({ resourceType, resourceName }, index) => ({
    errorCode: errorCode(failures[index]?.error ?? 'NONE'),
    errorMessage: failures[index]?.message ?? null,
    resourceType,
    resourceName,
  }));
}

/** The function that changes each type of resource. */
class ResourceChanges {
  readonly #broker: Broker;
  readonly #refusal: ConfigsRefusal;
  readonly #replace: boolean;
  readonly #validateOnly: boolean;

  constructor(broker: Broker, refusal: ConfigsRefusal, replace: boolean, validateOnly: boolean) {
    this.#broker = broker;
    this.#refusal = refusal;
    this.#replace = replace;
    this.#validateOnly = validateOnly;
  }

  async apply(resource: ConfigsOfResource): Promise<Failure | undefined> {
    const { resourceType, resourceName } = resource;
    const changes = this.#changesOf(resource);
    if ('error' in changes) return changes;
    switch (resourceType) {
      case ResourceType.TOPIC:
        return this.#forbidden(resource) ?? this.#alterTopic(resourceName, changes);
      case ResourceType.BROKER:
        return this.#forbidden(resource) ?? this.#alterBroker(resourceName, changes);
      case ResourceType.BROKER_LOGGER:
        // Kafka's AlterConfigs does not accept loggers.
        return this.#replace
          ? invalid(`Unknown resource type ${resourceType}`)
          : (this.#forbidden(resource) ?? this.#alterLogger(resourceName, changes));
      default:
        return invalid(`Unknown resource type ${resourceType}`);
    }
  }

  #changesOf({ configs }: ConfigsOfResource): ConfigChange[] | Failure {
    const duplicate = duplicateConfigs(configs);
    if (duplicate !== undefined) return duplicate;
    const asked: AskedConfigChange[] = [];
    for (const { name, value, configOperation = 0 } of configs) {
      const operation = OPERATIONS[configOperation];
      if (operation === undefined) return invalid(`Unknown operations type ${configOperation}`);
      asked.push({ name, operation, value });
    }
    return askedConfigChanges(asked);
  }

  #forbidden({ resourceType, resourceName }: ConfigsOfResource): Failure | undefined {
    const error = this.#refusal(resourceType, resourceName);
    return error === undefined ? undefined : { error };
  }

  #alterTopic(name: string, changes: readonly ConfigChange[]): Promise<Failure | undefined> {
    const terms = { changes, replace: this.#replace, validateOnly: this.#validateOnly };
    return changeTopicConfigs(this.#broker.admin, name, terms);
  }

  #alterBroker(name: string, changes: readonly ConfigChange[]): Failure | undefined {
    const problem = name === '' ? undefined : nodeProblem(this.#broker, name, 'Node id', ',');
    return problem ?? brokerConfigsProblem(changes);
  }

  #alterLogger(name: string, changes: readonly ConfigChange[]): Failure | undefined {
    const problem = nodeProblem(this.#broker, name, 'Node id', ',');
    if (problem !== undefined) return problem;
    const [first] = changes;
    return first === undefined
      ? undefined
      : { error: 'INVALID_CONFIG', message: `Logger ${first.name} does not exist!` };
  }
}

const TOO_MANY: Failure = {
  error: 'POLICY_VIOLATION',
  message: `Unable to perform excessively large batch operation: a request names at most ${CHANGES_MAX} resources and configs.`,
};

function keyOf({ resourceType, resourceName }: ConfigsOfResource): string {
  return `${resourceType}/${resourceName}`;
}

function invalid(message: string): { readonly error: ErrorName; readonly message: string } {
  return { error: 'INVALID_REQUEST', message };
}
