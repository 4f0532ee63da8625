import { errorCode } from '../../lib/core/errors.ts';
import { journalId } from '../../lib/storage/items/journal-entry.ts';
import { decodeTopic, TOPIC_IDS_PK } from '../../lib/storage/items/topic.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import type { Caller } from './caller.ts';

/** A topic as its clients know it. */
export interface SimTopic {
  readonly name: string;
  readonly id: string;
  partitions: number;
  readonly journals: number;
  /** Set when somebody begins to delete it: from then on nothing is promised any more. */
  deleting: boolean;
}

/** The topic as requests name it: by id from `idsFrom` on, by name before. */
export function named<NameKey extends 'name' | 'topic'>(topic: SimTopic, version: number, key: NameKey) {
  return version >= 13 ? { topicId: topic.id } : ({ [key]: topic.name } as { [key in NameKey]: string });
}

export function journalOf(topic: SimTopic, partition: number): string {
  return journalId(topic.id, partition % topic.journals);
}

const CREATED = new Set([errorCode('NONE'), errorCode('TOPIC_ALREADY_EXISTS')]);

/**
 * Creates a topic; one that an earlier attempt without an answer has created is found by Metadata, which may still tell of
 * one that is `gone`.
 */
export async function createTopic(
  caller: Caller,
  name: string,
  partitions: number,
  journals: number,
  gone: ReadonlySet<string> = new Set(),
  configs: Readonly<Record<string, string>> = {},
): Promise<SimTopic> {
  const topics = [
    {
      name,
      numPartitions: partitions,
      replicationFactor: 1,
      assignments: [],
      configs: Object.entries({ 'tidelog.journals': String(journals), ...configs }).map(([config, value]) => ({
        name: config,
        value,
      })),
    },
  ];
  for (;;) {
    const told = await caller.insist(ApiKey.CreateTopics, 7, { topics, timeoutMs: 3_000 }, (answer) => {
      const topic = answer.topics[0]!;
      // The id is fresh: nobody else can have written there.
      if (topic.errorMessage?.includes('slot is taken'))
        caller.cluster.world.report('ownWriteDenied', topic.errorMessage);
      return CREATED.has(topic.errorCode) ? topic : undefined;
    });
    const found = told.errorCode === 0 ? { id: told.topicId, partitions } : await find(caller, name);
    if (found === undefined || gone.has(found.id)) {
      await caller.pause();
      continue;
    }
    const made = told.errorCode === 0 ? Math.min(journals, partitions) : journalsOf(caller, found.id);
    caller.cluster.world.note('created', name, found.id);
    return { name, ...found, journals: made, deleting: false };
  }
}

/** A topic that exists, as its clients find it. */
export async function findTopic(caller: Caller, name: string): Promise<SimTopic> {
  const found = (await find(caller, name))!;
  return { name, ...found, journals: journalsOf(caller, found.id), deleting: false };
}

/** The id of a topic that exists, and how many partitions it has. */
function find(caller: Caller, name: string): Promise<{ id: string; partitions: number } | undefined> {
  return caller.insist(ApiKey.Metadata, 12, { topics: [{ name }], allowAutoTopicCreation: false }, (answer) => {
    const [topic] = answer.topics;
    return topic?.errorCode === 0 ? { id: topic.topicId, partitions: topic.partitions.length } : undefined;
  });
}

/** What was found may be what an attempt of long ago, with other numbers, has created in the end: the store knows. */
function journalsOf(caller: Caller, id: string): number {
  const items = caller.cluster.world.store.contents().state;
  return decodeTopic(items.find((item) => item.pk === TOPIC_IDS_PK && item.sk === id)!.body).journals;
}
