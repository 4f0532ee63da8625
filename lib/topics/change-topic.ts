import type { Failure } from '../core/errors.ts';
import { changeItem } from '../kit/change-item.ts';
import { decodeTopic, encodeTopic, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import { putTopicCopy } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import { isReservedTopic } from './topic-name.ts';

export type TopicChange =
  | { readonly kind: 'changed'; readonly record: TopicRecord }
  /** There is nothing to write. */
  | { readonly kind: 'settled'; readonly failure?: Failure | undefined };

/**
 * Changes the item of a topic, then the copy under its id. This process uses the change at once.
 * `decide` gets the current topic, undefined if there is none, and is called again after each
 * conflict. A crash between the two puts is harmless: the copy only serves look-ups by id. The name
 * must be valid. Throws StoreUnavailableError.
 */
export async function changeTopic(
  env: AdminEnvironment,
  name: string,
  decide: (current: TopicRecord | undefined) => TopicChange,
): Promise<Failure | undefined> {
  if (isReservedTopic(name)) return refuseChange(name, decide(env.topics.peek(name)?.record));
  const { stores, clock, random } = env.journals.env;
  const changed = await changeItem({ state: stores.state, clock, random }, { pk: TOPICS_PK, sk: name }, (item) => {
    const stored = item === undefined ? undefined : decodeTopic(item.body);
    const change = decide(stored?.deletedAt === undefined ? stored : undefined);
    if (change.kind === 'settled') return { kind: 'keep', result: change.failure };
    if (item === undefined) throw new Error(`topic ${name} is not there and cannot be changed`);
    return { kind: 'put', version: item.version + 1, body: encodeTopic(change.record) };
  });
  if (changed.kind === 'kept') return changed.result;
  const { version, body } = changed.item;
  const record = decodeTopic(body);
  env.topics.remember(record, version);
  await putTopicCopy(env, record, version);
  return undefined;
}

/** A change of a system topic is validated as usual, then refused. */
function refuseChange(name: string, change: TopicChange): Failure | undefined {
  if (change.kind === 'settled') return change.failure;
  return { error: 'INVALID_REQUEST', message: `The internal topic ${name} cannot be changed.` };
}
