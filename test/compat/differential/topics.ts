import { ZERO_UUID } from '../../../lib/core/uuid.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { KAFKA_NODE_ID } from '../../support/kafka-broker.ts';
import { CONFIG_VALUES } from './config-values.ts';
import { type Family, type Speaker, UNKNOWN_ID } from './speaker.ts';

const NODE = KAFKA_NODE_ID;

interface Wanted {
  readonly numPartitions?: number;
  readonly replicationFactor?: number;
  readonly assignments?: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[];
  readonly configs?: readonly { readonly name: string; readonly value: string | null }[];
}

type WantedTopic = ReturnType<typeof wanted>;

function wanted(name: string, options: Wanted = {}) {
  const fallback = options.assignments === undefined ? 1 : -1;
  const { numPartitions = fallback, replicationFactor = fallback, assignments = [], configs = [] } = options;
  return { name, numPartitions, replicationFactor, assignments, configs };
}

const create = (...topics: WantedTopic[]) => ({ topics, timeoutMs: 10_000, validateOnly: false });

/** CreateTopics: names, counts, assignments, configs, and what is named twice. */
export const topicCreation: Family = {
  name: 'create',
  async run(speaker) {
    await speaker.every('a topic', ApiKey.CreateTopics, (version) => create(wanted(`made-${version}`)));
    await speaker.every('one that is there', ApiKey.CreateTopics, () => create(wanted('made-7')));
    await speaker.every('only to see', ApiKey.CreateTopics, () => ({ ...create(wanted('seen')), validateOnly: true }));
    await speaker.every('no topics', ApiKey.CreateTopics, () => create());
    await speaker.every('named twice', ApiKey.CreateTopics, () =>
      create(wanted('twice'), wanted('once', { numPartitions: -5 }), wanted('twice', { numPartitions: 2 })),
    );
    await speaker.every(
      'defaults',
      ApiKey.CreateTopics,
      (version) => create(wanted(`defaults-${version}`, { numPartitions: -1, replicationFactor: -1 })),
      { from: 4 },
    );
    const ask = (what: string, ...topics: WantedTopic[]) =>
      speaker.ask(what, ApiKey.CreateTopics, 7, create(...topics));
    const names = ['', '.', '..', 'a b', 'ä', 'x'.repeat(249), 'x'.repeat(250), 'a/b', 'A.b_c-1'];
    for (const [index, name] of names.entries()) await ask(`name ${index}`, wanted(name));
    for (const count of [0, -2, -2147483648])
      await ask(`${count} partitions`, wanted('count', { numPartitions: count }));
    for (const factor of [0, -2]) await ask(`factor ${factor}`, wanted('factor', { replicationFactor: factor }));
    await ask('zero of both', wanted('zero', { numPartitions: 0, replicationFactor: 0 }));
    await assignments(ask);
    await configs(speaker, ask);
    await ask('some good, some bad', wanted('good'), wanted('no good'), wanted('made-7'));
    for (const timeoutMs of [0, -1]) {
      const body = { ...create(wanted('seen-late')), timeoutMs, validateOnly: true };
      await speaker.ask(`time-out ${timeoutMs}, only to see`, ApiKey.CreateTopics, 7, body);
    }
  },
};

type AskToCreate = (what: string, ...topics: WantedTopic[]) => Promise<unknown>;

async function assignments(ask: AskToCreate): Promise<void> {
  const assigned = (...brokers: (readonly number[])[]) =>
    brokers.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }));
  const one = assigned([NODE]);
  await ask('assigned', wanted('assigned-2', { assignments: assigned([NODE], [NODE]) }));
  await ask('assigned and counted', wanted('counted', { assignments: one, numPartitions: 1 }));
  await ask('assigned with a factor', wanted('factored', { assignments: one, replicationFactor: 1 }));
  await ask('assigned to nobody', wanted('nobody', { assignments: assigned([]) }));
  await ask('assigned to one twice', wanted('same', { assignments: assigned([NODE, NODE]) }));
  const gap = [{ partitionIndex: 1, brokerIds: [NODE] }];
  await ask('assigned with a gap', wanted('gap', { assignments: gap }));
  await ask('assigned one partition twice', wanted('again', { assignments: [...one, ...one] }));
  const below = [{ partitionIndex: -1, brokerIds: [NODE] }];
  await ask('assigned below 0', wanted('below', { assignments: below }));
}

async function configs(speaker: Speaker, ask: AskToCreate): Promise<void> {
  for (const [name, value] of CONFIG_VALUES) {
    const body = create(wanted('config', { configs: [{ name, value }] }));
    await speaker.ask(`${name}=${value}`, ApiKey.CreateTopics, 7, { ...body, validateOnly: true });
  }
  const pairs = (...all: [string, string | null][]) => all.map(([name, value]) => ({ name, value }));
  await ask('a config twice', wanted('config-twice', { configs: pairs(['retention.ms', '1'], ['retention.ms', '2']) }));
  await ask('two bad configs', wanted('bad', { configs: pairs(['no.such', '1'], ['retention.ms', 'x']) }));
  await ask(
    'kept as given',
    wanted('kept', {
      configs: pairs(['cleanup.policy', 'delete,delete'], ['preallocate', 'TRUE'], ['retention.ms', ' 5 ']),
    }),
  );
  await speaker.every('kept as given', ApiKey.DescribeConfigs, () => ({
    resources: [
      { resourceType: 2, resourceName: 'kept', configurationKeys: ['cleanup.policy', 'preallocate', 'retention.ms'] },
    ],
  }));
  await ask('lag', wanted('lag', { configs: pairs(['min.compaction.lag.ms', '5'], ['max.compaction.lag.ms', '4']) }));
  await ask('local above all', wanted('local', { configs: pairs(['retention.ms', '5'], ['local.retention.ms', '6']) }));
  await ask(
    'local bytes above all',
    wanted('local-b', { configs: pairs(['retention.bytes', '5'], ['local.retention.bytes', '6']) }),
  );
}

/** DeleteTopics: by name and by id, what is not there, and what is named twice. */
export const topicDeletion: Family = {
  name: 'delete',
  async run(speaker) {
    const byName = (...names: string[]) => ({
      topicNames: names,
      topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
      timeoutMs: 10_000,
    });
    const versioned = (version: number, ...names: string[]) => {
      const { topicNames, topics, timeoutMs } = byName(...names);
      return version >= 6 ? { topics, timeoutMs } : { topicNames, timeoutMs };
    };
    for (let version = 1; version <= 6; version++) {
      await speaker.topic(`gone-${version}`);
      await speaker.ask('a topic', ApiKey.DeleteTopics, version, versioned(version, `gone-${version}`));
      await speaker.ask('one that is gone', ApiKey.DeleteTopics, version, versioned(version, `gone-${version}`));
    }
    await speaker.every('nothing', ApiKey.DeleteTopics, (version) => versioned(version));
    await speaker.every('bad names', ApiKey.DeleteTopics, (version) => versioned(version, '', 'a b', 'x'.repeat(300)));
    await speaker.topic('stays');
    await speaker.every('one twice', ApiKey.DeleteTopics, (version) =>
      versioned(version, 'stays', 'stays', 'not-there'),
    );
    await speaker.every('an unknown one twice', ApiKey.DeleteTopics, (version) =>
      versioned(version, 'no-a', 'no-a', 'no-a'),
    );
    const id = await speaker.topic('by-id');
    const ask = (what: string, ...topics: { name: string | null; topicId: string }[]) =>
      speaker.ask(what, ApiKey.DeleteTopics, 6, { topics, timeoutMs: 10_000 });
    await ask('neither name nor id', { name: null, topicId: ZERO_UUID });
    await ask('neither, twice', { name: null, topicId: ZERO_UUID }, { name: null, topicId: ZERO_UUID });
    await ask('neither, and another', { name: null, topicId: ZERO_UUID }, { name: 'no-b', topicId: ZERO_UUID });
    await ask('name and id', { name: 'by-id', topicId: id });
    await ask('empty name and id', { name: '', topicId: id });
    await ask('unknown name and unknown id', { name: 'no-c', topicId: UNKNOWN_ID });
    await ask('unknown id', { name: null, topicId: UNKNOWN_ID });
    await ask('unknown id twice', { name: null, topicId: UNKNOWN_ID }, { name: null, topicId: UNKNOWN_ID });
    await ask('id twice', { name: null, topicId: id }, { name: null, topicId: id });
    await ask('by id and by name', { name: null, topicId: id }, { name: 'by-id', topicId: ZERO_UUID });
    await ask('name and id beside the name', { name: 'by-id', topicId: id }, { name: 'by-id', topicId: ZERO_UUID });
    await ask('by id', { name: null, topicId: id });
    await ask('by id again', { name: null, topicId: id });
  },
};

/** CreatePartitions. */
export const morePartitions: Family = {
  name: 'partitions',
  async run(speaker) {
    await speaker.topic('grows');
    const grow = (count: number, assigned: readonly (readonly number[])[] | null = null, name = 'grows') => ({
      name,
      count,
      assignments: assigned?.map((brokerIds) => ({ brokerIds })) ?? null,
    });
    const body = (...topics: ReturnType<typeof grow>[]) => ({ topics, timeoutMs: 10_000, validateOnly: false });
    await speaker.every('more', ApiKey.CreatePartitions, (version) => body(grow(version + 2)));
    await speaker.every('as many', ApiKey.CreatePartitions, () => body(grow(5)));
    await speaker.every('nothing', ApiKey.CreatePartitions, () => body());
    await speaker.every('twice', ApiKey.CreatePartitions, () => body(grow(9), grow(10), grow(3, null, 'no-such')));
    const ask = (what: string, ...topics: ReturnType<typeof grow>[]) =>
      speaker.ask(what, ApiKey.CreatePartitions, 3, body(...topics));
    for (const count of [4, 0, -1, -2147483648, 2147483647]) await ask(`${count}`, grow(count));
    for (const name of ['', 'a b', 'no-such', 'x'.repeat(300)]) await ask(`of "${name}"`, grow(9, null, name));
    await ask('an empty assignment', grow(6, []));
    await ask('assigned to nobody', grow(6, [[]]));
    await ask('too many assigned', grow(6, [[NODE], [NODE]]));
    await ask('too few assigned', grow(8, [[NODE]]));
    await ask('one node twice', grow(6, [[NODE, NODE]]));
    await speaker.ask('only to see', ApiKey.CreatePartitions, 3, { ...body(grow(8)), validateOnly: true });
    await ask('assigned', grow(6, [[NODE]]));
  },
};
