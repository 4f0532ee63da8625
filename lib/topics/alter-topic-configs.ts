import type { Failure } from '../core/errors.ts';
import { changeTopic } from './change-topic.ts';
import {
  type Changeable,
  type ChangeOutcome,
  type ConfigChange,
  changeConfigs,
  replaceConfigs,
  sameConfigs,
} from './configs/change-configs.ts';
import { describeTopicDefaults } from './configs/describe-topic-configs.ts';
import type { AdminEnvironment } from './environment.ts';
import { topicNameProblem } from './topic-name.ts';

const NO_TOPIC: Changeable = { configs: {}, journals: 1 };

export interface TopicConfigChanges {
  readonly changes: readonly ConfigChange[];
  /** The named configs replace all others. */
  readonly replace: boolean;
  readonly validateOnly: boolean;
}

/** Changes a topic's own configs, all of them or none. See `alterTopicConfigs` for the errors. */
export function changeTopicConfigs(
  env: AdminEnvironment,
  name: string,
  { changes, replace, validateOnly }: TopicConfigChanges,
): Promise<Failure | undefined> {
  const values = changes.flatMap((change) => ('value' in change ? [[change.name, change.value] as const] : []));
  let defaults: ReadonlyMap<string, string> | undefined;
  const defaultOf = (config: string) => {
    defaults ??= new Map(describeTopicDefaults(env.brokerConfigs).map((one) => [one.name, one.value ?? '']));
    return defaults.get(config) ?? '';
  };
  const decide = (topic: Changeable) =>
    replace ? replaceConfigs(topic, Object.fromEntries(values)) : changeConfigs(topic, changes, defaultOf);
  return alterTopicConfigs(env, name, decide, validateOnly);
}

/**
 * Changes a topic's own configs to the result of `decide`. As in Kafka
 * (ConfigurationControlManager.validateAlterConfig), the error for an invalid value comes before
 * that for an unknown topic. If nothing changes, nothing is written. Undefined: done. Throws
 * StoreUnavailableError.
 */
export async function alterTopicConfigs(
  env: AdminEnvironment,
  name: string,
  decide: (topic: Changeable) => ChangeOutcome,
  validateOnly: boolean,
): Promise<Failure | undefined> {
  if (name === '') return { error: 'INVALID_REQUEST', message: 'Default topic resources are not allowed.' };
  const problem = topicNameProblem(name);
  if (problem !== undefined) return { error: 'INVALID_TOPIC_EXCEPTION', message: problem };
  return changeTopic(env, name, (current) => {
    const outcome = decide(current ?? NO_TOPIC);
    if (outcome.kind === 'failed') return { kind: 'settled', failure: outcome };
    if (current === undefined) {
      const failure: Failure = {
        error: 'UNKNOWN_TOPIC_OR_PARTITION',
        message: `The topic '${name}' does not exist.`,
      };
      return { kind: 'settled', failure };
    }
    if (validateOnly || sameConfigs(current.configs, outcome.configs)) return { kind: 'settled' };
    return { kind: 'changed', record: { ...current, configs: outcome.configs } };
  });
}
