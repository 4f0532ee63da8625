import type { Failure } from '../core/errors.ts';
import { changeTopic } from './change-topic.ts';
import { assignmentProblem, type NewTopic, PARTITIONS_MAX } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import { topicNameProblem } from './topic-name.ts';

export interface MorePartitions {
  readonly name: string;
  /** The new total number of partitions. */
  readonly count: number;
  /** Replicas of the new partitions, or null. */
  readonly assignments: readonly { readonly brokers: readonly number[] }[] | null;
}

/**
 * Increases the number of partitions of a topic. It cannot be decreased. Undefined: done. Throws
 * StoreUnavailableError.
 */
export async function createPartitions(
  env: AdminEnvironment,
  wanted: MorePartitions,
  validateOnly: boolean,
): Promise<Failure | undefined> {
  if (topicNameProblem(wanted.name) !== undefined) return UNKNOWN;
  return changeTopic(env, wanted.name, (current) => {
    if (current === undefined) return { kind: 'settled', failure: UNKNOWN };
    const failure = checkCount(current.partitions, wanted);
    if (failure !== undefined || validateOnly) return { kind: 'settled', failure };
    return { kind: 'changed', record: { ...current, partitions: wanted.count } };
  });
}

/** Without a message, as in Kafka, so that clients show their own. */
const UNKNOWN: Failure = { error: 'UNKNOWN_TOPIC_OR_PARTITION' };

function checkCount(current: number, wanted: MorePartitions): Failure | undefined {
  const { name, count, assignments } = wanted;
  const invalid = (message: string): Failure => ({ error: 'INVALID_PARTITIONS', message });
  if (count === current) return invalid(`Topic '${name}' already has ${current} partition(s).`);
  if (count < current) {
    return invalid(`Topic '${name}' has ${current} partition(s); it cannot be given fewer (${count}).`);
  }
  if (count > PARTITIONS_MAX) return invalid(`a topic has at most ${PARTITIONS_MAX} partitions`);
  if (assignments === null) return undefined;
  const numbered: NewTopic['assignments'] = assignments.map((one, index) => ({
    partition: current + index,
    brokers: one.brokers,
  }));
  const missing = count - current;
  const problem =
    assignments.length === missing
      ? assignmentProblem(numbered, current)
      : `${missing} partition(s) are new, but ${assignments.length} were assigned`;
  return problem === undefined ? undefined : { error: 'INVALID_REPLICA_ASSIGNMENT', message: problem };
}
