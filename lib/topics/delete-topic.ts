import { changeItem } from '../kit/change-item.ts';
import { decodeTopic, encodeTopic, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import { closeJournals } from './close-journals.ts';
import { putTopicCopy } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import type { Topic } from './topics.ts';

/**
 * Deletes a topic: writes a `close` entry to each of its journals, which ends all appends, then
 * marks its item as deleted. A crash in between leaves a closed topic. A process that finds a
 * closed topic finishes the deletion with this same call. False: the topic was already deleted.
 * Throws StoreUnavailableError, also when `deadline` (Clock.monotonic()) passes.
 */
export async function deleteTopic(env: Rooms, topic: Topic, deadline: number): Promise<boolean> {
  const { record } = topic;
  const isClosed = await closeJournals(env, record, deadline);
  const marked = await markDeleted(env, record);
  // If this call closed a journal, it deleted the topic, even if another process set the mark.
  return marked || isClosed;
}

type Rooms = Pick<AdminEnvironment, 'journals' | 'topics'>;

async function markDeleted(env: Rooms, record: TopicRecord): Promise<boolean> {
  const { stores, clock, random } = env.journals.env;
  let decisions = 0;
  const key = { pk: TOPICS_PK, sk: record.name };
  const changed = await changeItem({ state: stores.state, clock, random }, key, (item) => {
    decisions++;
    const current = item === undefined ? undefined : decodeTopic(item.body);
    if (item === undefined || current?.id !== record.id || current.deletedAt !== undefined) {
      return { kind: 'keep', result: decisions > 1 };
    }
    const deleted = { ...current, deletedAt: Math.floor(stores.state.now()) };
    return { kind: 'put', version: item.version + 1, body: encodeTopic(deleted) };
  });
  env.topics.forget(record);
  if (changed.kind === 'kept') return changed.result;
  await putTopicCopy(env, decodeTopic(changed.item.body), changed.item.version);
  return true;
}
