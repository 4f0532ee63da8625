import { beforeAll, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { createTopic, deleteTopic, NOWHERE } from '../support/requests.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await createTopic(engine.client, 'there', { partitions: 3 });
});

interface Wanted {
  readonly name?: string;
  readonly numPartitions?: number;
  readonly replicationFactor?: number;
  readonly assignments?: { partitionIndex: number; brokerIds: number[] }[];
  readonly configs?: { name: string; value: string | null }[];
}

async function create(wanted: Wanted[], validateOnly = false, client = engine.client) {
  const topics = wanted.map((one) => ({
    name: 'wanted',
    numPartitions: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
    ...one,
  }));
  return (await client.ask(ApiKey.CreateTopics, 7, { topics, timeoutMs: 5000, validateOnly })).topics;
}

async function names(client = engine.client): Promise<string[]> {
  const { topics } = await client.ask(ApiKey.Metadata, 12, { topics: null });
  return topics.map(({ name }) => name!);
}

const assigned = (...brokers: number[][]) => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: brokers.map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds })),
});
const config = (name: string, value: string | null) => ({ configs: [{ name, value }] });

describe('CreateTopics', () => {
  it.each<[string, ErrorName, Wanted]>([
    ['a name that is taken', 'TOPIC_ALREADY_EXISTS', { name: 'there' }],
    ['an empty name', 'INVALID_TOPIC_EXCEPTION', { name: '' }],
    ['the name .', 'INVALID_TOPIC_EXCEPTION', { name: '.' }],
    ['the name ..', 'INVALID_TOPIC_EXCEPTION', { name: '..' }],
    ['a name with a slash', 'INVALID_TOPIC_EXCEPTION', { name: 'a/b' }],
    ['a name with an umlaut', 'INVALID_TOPIC_EXCEPTION', { name: 'ä' }],
    ['a name of 250 characters', 'INVALID_TOPIC_EXCEPTION', { name: 'n'.repeat(250) }],
    ['0 partitions', 'INVALID_PARTITIONS', { numPartitions: 0 }],
    ['-2 partitions', 'INVALID_PARTITIONS', { numPartitions: -2 }],
    ['10,001 partitions', 'INVALID_PARTITIONS', { numPartitions: 10_001 }],
    ['replication factor 0', 'INVALID_REPLICATION_FACTOR', { replicationFactor: 0 }],
    ['replication factor -2', 'INVALID_REPLICATION_FACTOR', { replicationFactor: -2 }],
    ['an unknown config', 'INVALID_CONFIG', config('retention.milliseconds', '5')],
    ["a config of JavaScript's own", 'INVALID_CONFIG', config('constructor', '5')],
    ['a config without a value', 'INVALID_CONFIG', config('retention.ms', null)],
    ['a config that is no number', 'INVALID_CONFIG', config('retention.ms', 'a week')],
    ['a config out of range', 'INVALID_CONFIG', config('max.message.bytes', '-1')],
    ['a codec that is none', 'INVALID_CONFIG', config('compression.type', 'brotli')],
    ['a policy that is none', 'INVALID_CONFIG', config('cleanup.policy', 'compact,keep')],
    ['partitions and an assignment', 'INVALID_REQUEST', { ...assigned([0]), numPartitions: 1 }],
    ['a replication factor and an assignment', 'INVALID_REQUEST', { ...assigned([0]), replicationFactor: 1 }],
    ['an assignment with a gap', 'INVALID_REPLICA_ASSIGNMENT', { ...assigned(), ...gap() }],
    ['an assignment to nobody', 'INVALID_REPLICA_ASSIGNMENT', assigned([])],
    ['an assignment to one broker twice', 'INVALID_REPLICA_ASSIGNMENT', assigned([1, 1])],
    ['an assignment to a negative broker', 'INVALID_REPLICA_ASSIGNMENT', assigned([-1])],
    ['assignments of two lengths', 'INVALID_REPLICA_ASSIGNMENT', assigned([0, 1], [0])],
  ])('refuses %s with %s', async (_, error, wanted) => {
    for (const validateOnly of [true, false]) {
      const [refused] = await create([wanted], validateOnly);
      expect(refused).toMatchObject({ name: wanted.name ?? 'wanted', errorCode: errorCode(error), topicId: ZERO_UUID });
      expect(refused!.errorMessage).toMatch(/\w/);
    }
    expect(await names()).toEqual(['there']);
  });

  function gap() {
    return {
      assignments: [
        { partitionIndex: 0, brokerIds: [0] },
        { partitionIndex: 2, brokerIds: [0] },
      ],
    };
  }

  it('refuses a topic that is in the request twice, and creates the others', async () => {
    const own = await startEngine();
    const answers = await create([{ name: 'twice' }, { name: 'once' }, { name: 'twice' }], false, own.client);
    expect(answers.map(({ name, errorCode: code }) => [name, code])).toEqual([
      ['twice', errorCode('INVALID_REQUEST')],
      ['once', 0],
    ]);
    expect(await names(own.client)).toEqual(['once']);
  });

  it('creates nothing where it is only to validate', async () => {
    const [valid] = await create([{ name: 'valid', numPartitions: 5 }], true);
    expect(valid).toMatchObject({ errorCode: 0, numPartitions: 5 });
    expect(await names()).toEqual(['there']);
  });

  it('takes defaults and assignments', async () => {
    const settings = { 'num.partitions': '4', 'default.replication.factor': '3' };
    const own = await startEngine({ settings });
    const answers = await create(
      [
        { name: 'defaults', numPartitions: -1, replicationFactor: -1 },
        { name: 'assigned', ...assigned([0, 1], [1, 2]) },
      ],
      false,
      own.client,
    );
    expect(answers).toMatchObject([
      { errorCode: 0, numPartitions: 4, replicationFactor: 3 },
      { errorCode: 0, numPartitions: 2, replicationFactor: 2 },
    ]);
  });

  it('creates a topic once when two processes try', async () => {
    const stores = emptyStores();
    const processes = await Promise.all([0, 1, 2, 3].map(() => startEngine({ stores: stores.client() })));
    const answers = await Promise.all(processes.map(({ client }) => create([{ name: 'raced-for' }], false, client)));
    const codes = answers.map(([answer]) => answer!.errorCode).sort((a, b) => a - b);
    expect(codes).toEqual([0, 36, 36, 36]);
  });
});

describe('CreatePartitions', () => {
  async function grow(name: string, count: number, brokers: number[][] | null = null, validateOnly = false) {
    const assignments = brokers?.map((brokerIds) => ({ brokerIds })) ?? null;
    const request = { topics: [{ name, count, assignments }], timeoutMs: 5000, validateOnly };
    return (await engine.client.ask(ApiKey.CreatePartitions, 3, request)).results[0]!;
  }

  it.each<[string, ErrorName, Parameters<typeof grow>]>([
    ['a topic that is not there', 'UNKNOWN_TOPIC_OR_PARTITION', [NOWHERE.name, 4]],
    ['a name that no topic can have', 'UNKNOWN_TOPIC_OR_PARTITION', ['a/b', 4]],
    ['fewer', 'INVALID_PARTITIONS', ['there', 2]],
    ['as many', 'INVALID_PARTITIONS', ['there', 3]],
    ['none', 'INVALID_PARTITIONS', ['there', 0]],
    ['more than 10,000', 'INVALID_PARTITIONS', ['there', 10_001]],
    ['too few assignments', 'INVALID_REPLICA_ASSIGNMENT', ['there', 5, [[0]]]],
    ['too many assignments', 'INVALID_REPLICA_ASSIGNMENT', ['there', 4, [[0], [0]]]],
    ['an assignment to one broker twice', 'INVALID_REPLICA_ASSIGNMENT', ['there', 4, [[0, 0]]]],
  ])('refuses %s with %s', async (_, error, asked) => {
    for (const validateOnly of [true, false]) {
      const [name, count, brokers] = asked;
      expect(await grow(name, count, brokers, validateOnly)).toMatchObject({ name, errorCode: errorCode(error) });
    }
    const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name: 'there' }] });
    expect(topics[0]!.partitions).toHaveLength(3);
  });

  it('refuses a topic that is in the request twice', async () => {
    const one = { name: 'there', count: 4, assignments: null };
    const request = { topics: [one, one], timeoutMs: 5000, validateOnly: true };
    const { results } = await engine.client.ask(ApiKey.CreatePartitions, 3, request);
    expect(results).toMatchObject([{ name: 'there', errorCode: errorCode('INVALID_REQUEST') }]);
  });
});

describe('DeleteTopics', () => {
  const remove = async (asked: { name?: string | null; topicId?: string }[], client = engine.client) => {
    const topics = asked.map((one) => ({ topicId: ZERO_UUID, ...one }));
    return (await client.ask(ApiKey.DeleteTopics, 6, { topics, timeoutMs: 5000 })).responses;
  };

  it('refuses what is not there', async () => {
    expect(await remove([{ name: NOWHERE.name }])).toMatchObject([{ name: NOWHERE.name, errorCode: 3 }]);
    expect(await remove([{ name: '' }])).toMatchObject([{ errorCode: 3 }]);
    expect(await remove([{ topicId: NOWHERE.id }])).toMatchObject([
      { name: null, topicId: NOWHERE.id, errorCode: 100 },
    ]);
    expect(await remove([{ topicId: ZERO_UUID }])).toMatchObject([{ name: null, errorCode: 42 }]);
  });

  it('refuses a topic named both ways', async () => {
    const { id, name } = await createTopic(engine.client, 'named-twice');
    expect(await remove([{ name, topicId: id }])).toMatchObject([{ errorCode: errorCode('INVALID_REQUEST') }]);
    await deleteTopic(engine.client, name);
  });

  it('refuses a topic that is in the request twice, by name, by id or both', async () => {
    const twice = await createTopic(engine.client, 'twice');
    const mixed = await createTopic(engine.client, 'mixed');
    const once = await createTopic(engine.client, 'once');
    const responses = await remove([
      { name: twice.name },
      { name: twice.name },
      { name: mixed.name },
      { topicId: mixed.id },
      { topicId: once.id },
    ]);
    const invalid = errorCode('INVALID_REQUEST');
    expect(responses.map(({ name, errorCode: code }) => [name, code]).sort()).toEqual([
      ['mixed', invalid],
      ['once', 0],
      ['twice', invalid],
    ]);
    expect(await names()).toEqual(['mixed', 'there', 'twice']);
    await deleteTopic(engine.client, 'twice');
    await deleteTopic(engine.client, 'mixed');
  });

  it('refuses everything where deletion is switched off', async () => {
    const own = await startEngine({ settings: { 'delete.topic.enable': 'false' } });
    await createTopic(own.client, 'kept');
    expect(await remove([{ name: 'kept' }], own.client)).toMatchObject([
      { errorCode: errorCode('TOPIC_DELETION_DISABLED') },
    ]);
    const old = await own.client.ask(ApiKey.DeleteTopics, 2, { topicNames: ['kept'], timeoutMs: 5000 });
    expect(old.responses).toMatchObject([{ errorCode: errorCode('INVALID_REQUEST') }]);
    expect(await names(own.client)).toEqual(['kept']);
  });
});

describe('Metadata', () => {
  const describeTopics = async (version: number, topics: { name?: string | null; topicId?: string }[]) =>
    (await engine.client.ask(ApiKey.Metadata, version, { topics: topics as never, allowAutoTopicCreation: false }))
      .topics;

  it('refuses what is not there or cannot be', async () => {
    expect(await describeTopics(12, [{ name: NOWHERE.name }])).toMatchObject([{ name: NOWHERE.name, errorCode: 3 }]);
    expect(await describeTopics(12, [{ name: 'a/b' }, { name: '' }])).toMatchObject([
      { errorCode: errorCode('INVALID_TOPIC_EXCEPTION') },
      { errorCode: errorCode('INVALID_TOPIC_EXCEPTION') },
    ]);
    const byId = await describeTopics(12, [{ name: null, topicId: NOWHERE.id }]);
    expect(byId).toMatchObject([{ name: null, topicId: NOWHERE.id, errorCode: 100 }]);
  });

  it.each([10, 11])('refuses a look-up by id in v%i, whose answers always have a name', async (version) => {
    const unknown = await describeTopics(version, [{ name: null, topicId: NOWHERE.id }]);
    expect(unknown).toMatchObject([{ name: '', topicId: NOWHERE.id, errorCode: errorCode('INVALID_REQUEST') }]);
  });

  // What Admin.describeTopics(TopicCollection.ofTopicIds(...)) of the Java client sends.
  it('goes by the id where there is one, also beside an empty name', async () => {
    const { name, id } = await createTopic(engine.client, 'by-id', { partitions: 2 });
    const [found, unknown] = await describeTopics(13, [
      { name: '', topicId: id },
      { name: '', topicId: NOWHERE.id },
    ]);
    expect(found).toMatchObject({ name, topicId: id, errorCode: 0, partitions: [{}, {}] });
    expect(unknown).toMatchObject({ name: null, topicId: NOWHERE.id, errorCode: errorCode('UNKNOWN_TOPIC_ID') });
    await deleteTopic(engine.client, name);
  });

  it('lists all topics for null, and none for none but in v0', async () => {
    expect((await engine.client.ask(ApiKey.Metadata, 1, { topics: null })).topics).toHaveLength(1);
    expect((await engine.client.ask(ApiKey.Metadata, 1, { topics: [] })).topics).toHaveLength(0);
    expect((await engine.client.ask(ApiKey.Metadata, 0, { topics: [] })).topics).toHaveLength(1);
  });
});

describe('names that no topic can have', () => {
  it.each([
    ['empty', ''],
    ['too long', 'n'.repeat(20_000)],
    ['with a NUL', 'a\u0000b'],
  ])('(%s) are not asked of the store, which could not take them as keys', async (_, name) => {
    engine.meter.reset();
    await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name }] });
    await engine.client.ask(ApiKey.DeleteTopics, 5, { topicNames: [name], timeoutMs: 5000 });
    const partitions = [{ partitionIndex: 0, timestamp: -1 }];
    await engine.client.ask(ApiKey.ListOffsets, 8, { replicaId: -1, topics: [{ name, partitions }] });
    const growth = { topics: [{ name, count: 5, assignments: null }], timeoutMs: 5000, validateOnly: false };
    await engine.client.ask(ApiKey.CreatePartitions, 3, growth);
    expect(engine.meter.counts()).toEqual({});
  });
});

describe('DescribeCluster and ApiVersions', () => {
  it('refuse endpoints other than brokers', async () => {
    const ask = (endpointType: number) =>
      engine.client.ask(ApiKey.DescribeCluster, 2, { includeClusterAuthorizedOperations: false, endpointType });
    expect(await ask(2)).toMatchObject({ errorCode: errorCode('MISMATCHED_ENDPOINT_TYPE'), brokers: [] });
    expect(await ask(3)).toMatchObject({ errorCode: errorCode('UNSUPPORTED_ENDPOINT_TYPE'), brokers: [] });
  });

  it.each(['', 'two words', '-dash', 'dash-', 'new\nline'])('refuse the client name %j', async (name) => {
    const request = { clientSoftwareName: name, clientSoftwareVersion: '1.0' };
    const answer = await engine.client.ask(ApiKey.ApiVersions, 3, request);
    expect(answer).toMatchObject({ errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] });
  });
});
