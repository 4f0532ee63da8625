import type { Failure } from '../../core/errors.ts';
import type { TopicRecord } from '../../storage/items/topic.ts';
import { topicConfigProblem, topicConfigsProblem } from '../topic-configs.ts';
import { listParts } from './config-value.ts';
import { JOURNALS_CONFIG, TOPIC_CONFIGS } from './topic-config-table.ts';

/**
 * Longest value that DescribeConfigs can show; repeated appends to a list could exceed it; bytes of
 * UTF-8.
 */
const VALUE_BYTES_MAX = 0x7fff;

/** One change of one config (org.apache.kafka.clients.admin.AlterConfigOp). */
export type ConfigChange =
  | { readonly name: string; readonly operation: 'SET' | 'APPEND' | 'SUBTRACT'; readonly value: string }
  | { readonly name: string; readonly operation: 'DELETE' };

/** A change as a client asks for it: the value may be missing. */
export interface AskedConfigChange {
  readonly name: string;
  readonly operation: ConfigChange['operation'];
  readonly value: string | null;
}

/**
 * The changes that a client asks for, or the error of a request that is invalid whatever the
 * resource's state (Kafka: ConfigAdminManager.preprocess).
 */
export function askedConfigChanges(asked: readonly AskedConfigChange[]): ConfigChange[] | Failure {
  const problem = duplicateConfigs(asked);
  if (problem !== undefined) return problem;
  const changes: ConfigChange[] = [];
  const nulls: string[] = [];
  for (const { name, operation, value } of asked) {
    if (operation === 'DELETE') changes.push({ name, operation });
    else if (value === null) nulls.push(name);
    else changes.push({ name, operation, value });
  }
  if (nulls.length === 0) return changes;
  return { error: 'INVALID_REQUEST', message: `Null value not supported for : ${nulls.join(', ')}` };
}

/** The error of a request that names a config twice. */
export function duplicateConfigs(asked: readonly { readonly name: string }[]): Failure | undefined {
  return new Set(asked.map(({ name }) => name)).size < asked.length
    ? { error: 'INVALID_REQUEST', message: 'Error due to duplicate config keys' }
    : undefined;
}

export type ConfigValues = Readonly<Record<string, string>>;

export type ChangeOutcome =
  | { readonly kind: 'configs'; readonly configs: ConfigValues }
  | ({ readonly kind: 'failed' } & Failure);

/**
 * The part of a topic that a change reads. A topic that does not exist is checked like one without
 * configs (see `alterTopicConfigs`).
 */
export type Changeable = Pick<TopicRecord, 'configs' | 'journals'>;

/**
 * Applies incremental changes to a topic's own configs (Kafka:
 * ConfigurationControlManager.incrementalAlterConfigResource): all of them or none. `defaultOf`
 * gives the value of a config that the topic does not set; appends to a list start from it.
 */
export function changeConfigs(
  topic: Changeable,
  changes: readonly ConfigChange[],
  defaultOf: (name: string) => string,
): ChangeOutcome {
  const configs = new Map(Object.entries(topic.configs));
  for (const change of changes) {
    const { name, operation } = change;
    switch (operation) {
      case 'SET':
        configs.set(name, change.value.trim());
        break;
      case 'DELETE':
        configs.delete(name);
        break;
      case 'APPEND':
      case 'SUBTRACT': {
        if (TOPIC_CONFIGS.get(name)?.type !== 'LIST') {
          return invalid(`Can't ${operation} to key ${name} because its type is not LIST.`);
        }
        const before = listParts(configs.get(name) ?? defaultOf(name));
        // An empty operand is one empty element, which no list accepts. Elsewhere an empty text is
        // an empty list.
        const named = change.value.split(',').map((part) => part.trim());
        const after =
          operation === 'APPEND' ? [...new Set([...before, ...named])] : before.filter((part) => !named.includes(part));
        configs.set(name, after.join(','));
        break;
      }
    }
  }
  return checked(topic, configs);
}

/**
 * Replaces a topic's own configs, as AlterConfigs does. Configs that cannot be changed stay (Kafka:
 * ConfigurationControlManager.legacyAlterConfigs).
 */
export function replaceConfigs(topic: Changeable, wanted: ConfigValues): ChangeOutcome {
  const configs = new Map(Object.entries(wanted).map(([name, value]) => [name, value.trim()]));
  const journals = topic.configs[JOURNALS_CONFIG];
  if (journals !== undefined && !configs.has(JOURNALS_CONFIG)) configs.set(JOURNALS_CONFIG, journals);
  return checked(topic, configs);
}

function checked(topic: Changeable, changed: Map<string, string>): ChangeOutcome {
  for (const [name, value] of changed) {
    const problem = topicConfigProblem(name, value);
    if (problem !== undefined) return invalid(problem);
    if (Buffer.byteLength(value) > VALUE_BYTES_MAX) {
      return invalid(`The value of ${name} would be longer than ${VALUE_BYTES_MAX} bytes.`);
    }
  }
  const before = topic.configs[JOURNALS_CONFIG];
  const wanted = changed.get(JOURNALS_CONFIG);
  if (wanted !== before) {
    // Writing back the described value is accepted and changes nothing.
    if (wanted === undefined || Number(wanted) !== topic.journals) {
      return invalid(`${JOURNALS_CONFIG} is fixed when a topic is created and cannot be altered.`);
    }
    if (before === undefined) changed.delete(JOURNALS_CONFIG);
    else changed.set(JOURNALS_CONFIG, before);
  }
  const configs = Object.fromEntries(changed);
  const problem = topicConfigsProblem(configs);
  return problem === undefined ? { kind: 'configs', configs } : invalid(problem);
}

export function sameConfigs(a: ConfigValues, b: ConfigValues): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function invalid(message: string): ChangeOutcome {
  return { kind: 'failed', error: 'INVALID_CONFIG', message };
}
