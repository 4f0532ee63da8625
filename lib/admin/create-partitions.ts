import type { Failure } from '../core/errors.ts';
import { decodeTopic, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import { assignmentProblem, type NewTopic, PARTITIONS_MAX, putTopicCopy, topicItem } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import { topicNameProblem } from './topic-name.ts';

const ATTEMPTS_MAX = 10;

export interface MorePartitions {
  readonly name: string;
  /** How many there shall be in all. */
  readonly count: number;
  /** Replicas of the new partitions, or null. */
  readonly assignments: readonly { readonly brokers: readonly number[] }[] | null;
}

/**
 * Gives a topic more partitions; never fewer. Undefined: done. Throws StoreUnavailableError.
 */
export async function createPartitions(
  env: AdminEnvironment,
  wanted: MorePartitions,
  validateOnly: boolean,
): Promise<Failure | undefined> {
  const { stores, clock, random } = env.journals.env;
  if (topicNameProblem(wanted.name) !== undefined) return unknown(wanted.name);
  const written = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { item } = await stores.state.get(TOPICS_PK, wanted.name, true);
    const current = item === undefined ? undefined : decodeTopic(item.body);
    if (item === undefined || current === undefined || current.deletedAt !== undefined) {
      return unknown(wanted.name);
    }
    // A put that went unanswered has landed after all.
    if (written.has(item.nonce)) return settle(env, current, item.version);
    const problem = checkCount(current.partitions, wanted);
    if (problem !== undefined || validateOnly) return problem;
    const grown = { ...current, partitions: wanted.count };
    const version = item.version + 1;
    const changed = topicItem(env, TOPICS_PK, wanted.name, grown, version);
    written.add(changed.nonce);
    const put = await putItem(stores.state, changed, { kind: 'version', version: item.version }, clock, random);
    if (put.kind === 'committed') return settle(env, grown, version);
    if (put.kind === 'refused') throw new StoreUnavailableError(put.message);
  }
  throw new StoreUnavailableError(`topic ${wanted.name} is being changed by others all the time`);
}

async function settle(env: AdminEnvironment, grown: TopicRecord, version: number): Promise<undefined> {
  env.topics.remember(grown, version);
  await putTopicCopy(env, grown, version);
}

function unknown(name: string): Failure {
  return { error: 'UNKNOWN_TOPIC_OR_PARTITION', message: `Topic '${name}' does not exist.` };
}

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
