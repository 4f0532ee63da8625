import type { Failure } from '../core/errors.ts';
import { changeTopic } from './change-topic.ts';
import { type Changeable, type ChangeOutcome, sameConfigs } from './configs/change-configs.ts';
import type { AdminEnvironment } from './environment.ts';
import { topicNameProblem } from './topic-name.ts';

const NO_TOPIC: Changeable = { configs: {}, journals: 1 };

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
