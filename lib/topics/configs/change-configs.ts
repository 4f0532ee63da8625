import type { Failure } from '../../core/errors.ts';
import type { TopicRecord } from '../../storage/items/topic.ts';
import { topicConfigProblem, topicConfigsProblem } from '../topic-configs.ts';
import { listParts } from './config-value.ts';
import { JOURNALS_CONFIG, TOPIC_CONFIGS } from './topic-config-table.ts';

/** DescribeConfigs could not show a longer value, and a list can be appended to again and again; bytes of UTF-8. */
const VALUE_BYTES_MAX = 0x7fff;

/** One change of one config (org.apache.kafka.clients.admin.AlterConfigOp). */
export type ConfigChange =
  | { readonly name: string; readonly operation: 'SET' | 'APPEND' | 'SUBTRACT'; readonly value: string }
  | { readonly name: string; readonly operation: 'DELETE' };

export type ConfigValues = Readonly<Record<string, string>>;

export type ChangeOutcome =
  | { readonly kind: 'configs'; readonly configs: ConfigValues }
  | ({ readonly kind: 'failed' } & Failure);

/** What a topic is changed from; one that is not there is checked as one without configs (see `alterTopicConfigs`). */
export type Changeable = Pick<TopicRecord, 'configs' | 'journals'>;

/**
 * A topic's own configs after single changes (Kafka: ConfigurationControlManager.incrementalAlterConfigResource): all of
 * them or none. `defaultOf` gives what holds where the topic says nothing, which lists are appended to.
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
        // An empty text names one empty part, which no list may have, where it stands for an empty list elsewhere.
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
 * A topic's own configs when they are replaced by others, as AlterConfigs does; what cannot be changed stays (Kafka:
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
    // Whoever writes back what was described changes nothing.
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

/** Whether two sets of configs are the same. */
export function sameConfigs(a: ConfigValues, b: ConfigValues): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function invalid(message: string): ChangeOutcome {
  return { kind: 'failed', error: 'INVALID_CONFIG', message };
}
