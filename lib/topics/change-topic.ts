import type { Failure } from '../core/errors.ts';
import { decodeTopic, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import { putTopicCopy, topicItem } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import { isReservedTopic } from './topic-name.ts';

/** Concurrent changes of one topic's item that are waited out before giving up. */
const ATTEMPTS_MAX = 10;

export type TopicChange =
  | { readonly kind: 'changed'; readonly record: TopicRecord }
  /** Nothing is to be written. */
  | { readonly kind: 'settled'; readonly failure?: Failure | undefined };

/**
 * Changes the item of a topic by a conditional put on its version, then the copy under its id; this process works by the
 * change at once. `decide` is asked anew with what is there (undefined: no such topic) whenever somebody else was faster.
 * A crash between the two puts is fine: the copy is only where a topic is found by its id. The name has to be valid. Throws
 * StoreUnavailableError.
 */
export async function changeTopic(
  env: AdminEnvironment,
  name: string,
  decide: (current: TopicRecord | undefined) => TopicChange,
): Promise<Failure | undefined> {
  if (isReservedTopic(name)) return refuseChange(name, decide(env.topics.peek(name)?.record));
  const { stores, clock, random } = env.journals.env;
  const written = new Set<string>();
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { item } = await stores.state.get(TOPICS_PK, name, true);
    const stored = item === undefined ? undefined : decodeTopic(item.body);
    const current = stored?.deletedAt === undefined ? stored : undefined;
    // A put that went unanswered has landed after all.
    if (item !== undefined && current !== undefined && written.has(item.nonce)) {
      return settle(env, current, item.version);
    }
    const change = decide(current);
    if (change.kind === 'settled') return change.failure;
    if (item === undefined) throw new Error(`topic ${name} is not there and cannot be changed`);
    const version = item.version + 1;
    const changed = topicItem(env, TOPICS_PK, name, change.record, version);
    written.add(changed.nonce);
    const put = await putItem(stores.state, changed, { kind: 'version', version: item.version }, clock, random);
    if (put.kind === 'committed') return settle(env, change.record, version);
    if (put.kind === 'refused') throw new StoreUnavailableError(put.message);
  }
  throw new StoreUnavailableError(`topic ${name} is being changed by others all the time`);
}

/** A topic of the system is checked as any other one, and stays as it is. */
function refuseChange(name: string, change: TopicChange): Failure | undefined {
  if (change.kind === 'settled') return change.failure;
  return { error: 'INVALID_REQUEST', message: `The internal topic ${name} cannot be changed.` };
}

async function settle(env: AdminEnvironment, record: TopicRecord, version: number): Promise<undefined> {
  env.topics.remember(record, version);
  await putTopicCopy(env, record, version);
}
