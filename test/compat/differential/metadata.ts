import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { type Family, UNKNOWN_ID } from './speaker.ts';

interface Named {
  readonly name: string | null;
  readonly topicId: string;
}

const byName = (name: string): Named => ({ name, topicId: ZERO_UUID });
const byId = (topicId: string, name: string | null = null): Named => ({ name, topicId });

/** Metadata and DescribeTopicPartitions: what there is, by name and by id. */
export const metadata: Family = {
  name: 'metadata',
  async run(speaker) {
    const id = await speaker.topic('meta', 3);
    const ask = (topics: readonly Named[] | null, allowAutoTopicCreation = false) => ({
      topics: topics?.map((one) => ({ ...one })) ?? null,
      allowAutoTopicCreation,
    });
    const every = (what: string, topics: readonly Named[], from = 4) =>
      speaker.every(what, ApiKey.Metadata, () => ask(topics), { from });
    await speaker.every('all', ApiKey.Metadata, (version) => ({ topics: version === 0 ? [] : null }));
    await speaker.every('none', ApiKey.Metadata, () => ({ topics: [] }), { from: 1 });
    await speaker.every('one', ApiKey.Metadata, () => ({ topics: [byName('meta')] }));
    await every('twice', [byName('meta'), byName('marker'), byName('meta')]);
    await every('unknown', [byName('no-such')]);
    await every('unknown twice', [byName('no-such'), byName('no-such'), byName('meta')]);
    await every('bad names', [byName(''), byName('a b'), byName('..'), byName('x'.repeat(250))]);
    await every('bad names twice', [byName('a b'), byName('a b')]);
    await speaker.every(
      'operations',
      ApiKey.Metadata,
      (version) => ({
        ...ask([byName('meta'), byName('no-such')]),
        includeTopicAuthorizedOperations: true,
        ...(version <= 10 ? { includeClusterAuthorizedOperations: true } : {}),
      }),
      { from: 8 },
    );
    const named10 = (topicId: string) => byId(topicId, '');
    await every('by id with an empty name', [named10(id)], 10);
    await every('by unknown id with an empty name', [named10(UNKNOWN_ID)], 10);
    await every('zero id and an empty name', [named10(ZERO_UUID)], 10);
    await every('id and its name', [byId(id, 'meta')], 10);
    await every('id and another name', [byId(id, 'marker')], 10);
    await every('unknown id and a name', [byId(UNKNOWN_ID, 'meta')], 10);
    await every('by null name and id', [byId(id)], 10);
    await every('neither name nor id', [byId(ZERO_UUID)], 10);
    await every('neither, beside a name', [byId(ZERO_UUID), byName('meta')], 10);
    await every('by id twice', [byId(id), byId(id)], 12);
    await every('by unknown id twice', [byId(UNKNOWN_ID), byId(UNKNOWN_ID)], 12);
    await every('by id and by name', [byId(id), byName('meta')], 12);
    await every('by name and by id', [byName('meta'), byId(id)], 12);
    await speaker.ask('may create bad names', ApiKey.Metadata, 9, ask([byName('a b'), byName('')], true));
  },
};

/** DescribeTopicPartitions: pages through topics. */
export const describedTopics: Family = {
  name: 'topic partitions',
  async run(speaker) {
    await speaker.topic('pages-a', 3);
    await speaker.topic('pages-b', 2);
    const topics = ['pages-a', 'pages-b'].map((name) => ({ name }));
    type Cursor = { readonly topicName: string; readonly partitionIndex: number } | null;
    const ask = (what: string, named: { name: string }[], responsePartitionLimit: number, cursor: Cursor = null) =>
      speaker.ask(what, ApiKey.DescribeTopicPartitions, 0, { topics: named, responsePartitionLimit, cursor });
    await ask('both', topics, 2000);
    await ask('backwards', [...topics].reverse(), 2000);
    await ask('all', [], 2000);
    await ask('twice', [...topics, ...topics], 2000);
    for (const limit of [1, 2, 3, 4, 5, 0, -1, 2147483647]) await ask(`limit ${limit}`, topics, limit);
    await ask('unknown', [{ name: 'no-such' }, ...topics], 2000);
    await ask('bad name', [{ name: 'a b' }, ...topics], 2000);
    await ask('from the middle', topics, 2, { topicName: 'pages-a', partitionIndex: 2 });
    await ask('from the end', topics, 2, { topicName: 'pages-a', partitionIndex: 3 });
    await ask('from beyond the end', topics, 2, { topicName: 'pages-a', partitionIndex: 99 });
    await ask('from below 0', topics, 2, { topicName: 'pages-a', partitionIndex: -1 });
    await ask('from a topic that is not named', topics, 2, { topicName: 'marker', partitionIndex: 0 });
    await ask('from an unknown topic', [], 2, { topicName: 'oh', partitionIndex: 0 });
  },
};
