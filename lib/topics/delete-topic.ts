import { journalId } from '../storage/items/journal-entry.ts';
import { decodeTopic, TOPICS_PK, type TopicRecord } from '../storage/items/topic.ts';
import { StoreUnavailableError } from '../storage/ports.ts';
import { putItem } from '../storage/put-item.ts';
import { putTopicCopy, topicItem } from './create-topic.ts';
import type { AdminEnvironment } from './environment.ts';
import type { Topic } from './topics.ts';

/** Concurrent changes of one topic's item that are waited out before giving up. */
const ATTEMPTS_MAX = 10;

/**
 * Deletes a topic: a `close` entry in each of its journals, after which nobody can append, then the mark in its item. A crash
 * between leaves a closed topic, which whoever finds it closed finishes, by this same call. False: it was gone already.
 * Throws StoreUnavailableError, also when `deadline` (Clock.monotonic()) passes.
 */
export async function deleteTopic(env: Rooms, topic: Topic, deadline: number): Promise<boolean> {
  const { record } = topic;
  const closed = await Promise.all(
    Array.from({ length: record.journals }, (_, index) => closeJournal(env, record, index, deadline)),
  );
  const marked = await markDeleted(env, record);
  // Another process may have finished what this one began.
  return marked || closed.includes(true);
}

type Rooms = Pick<AdminEnvironment, 'journals' | 'topics'>;

/** True if it was this call that closed it. */
async function closeJournal(env: Rooms, record: TopicRecord, index: number, deadline: number): Promise<boolean> {
  const open = await env.journals.open(journalId(record.id, index));
  if (open === undefined) return false;
  const make = (view: { closed: boolean }, time: number) =>
    view.closed ? undefined : ({ kind: 'close', time } as const);
  const outcome = await open.queue.appendEntry(make, deadline);
  if (outcome === 'timedOut') throw new StoreUnavailableError(`topic ${record.name} could not be closed in time`);
  return outcome === 'written';
}

async function markDeleted(env: Rooms, record: TopicRecord): Promise<boolean> {
  const { stores, clock, random } = env.journals.env;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { item } = await stores.state.get(TOPICS_PK, record.name, true);
    const current = item === undefined ? undefined : decodeTopic(item.body);
    if (item === undefined || current?.id !== record.id || current.deletedAt !== undefined) {
      env.topics.forget(record);
      return attempt > 0;
    }
    const deleted = { ...current, deletedAt: Math.floor(stores.state.now()) };
    const version = item.version + 1;
    const marked = topicItem(env, TOPICS_PK, record.name, deleted, version);
    const put = await putItem(stores.state, marked, { kind: 'version', version: item.version }, clock, random);
    if (put.kind === 'committed') {
      env.topics.forget(record);
      await putTopicCopy(env, deleted, version);
      return true;
    }
    if (put.kind === 'refused') throw new StoreUnavailableError(put.message);
  }
  throw new StoreUnavailableError(`topic ${record.name} is being changed by others all the time`);
}
