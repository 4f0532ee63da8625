import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { NO_TIMESTAMP } from '../../lib/records/batch.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import {
  batchesIn,
  batchOf,
  createTopic,
  fetchRequest,
  listOffset,
  NOWHERE,
  produce,
  type TopicName,
} from '../support/requests.ts';

/** Values that Apache Kafka 4.3.1 answers to the same requests; test/compat/differential.test.ts asks it. */

let engine: Engine;
let topic: TopicName;

beforeAll(async () => {
  engine = await startEngine();
  topic = await createTopic(engine.client, 'asked', { partitions: 2 });
  await produce(engine.client, topic, batchOf(['a', 'b'], { timestamp: 1_000 }));
});

afterAll(() => engine.close());

const INVALID_REQUEST = errorCode('INVALID_REQUEST');
const UNEXPECTED = errorCode('UNKNOWN_SERVER_ERROR');
const UNSUPPORTED = errorCode('UNSUPPORTED_VERSION');

describe('what is named twice', () => {
  it('is described once by Metadata, by name and by id', async () => {
    const ask = async (topics: { name: string | null; topicId: string }[]) =>
      (await engine.client.ask(ApiKey.Metadata, 12, { topics, allowAutoTopicCreation: false })).topics;
    const byName = { name: topic.name, topicId: ZERO_UUID };
    const byId = { name: null, topicId: topic.id };
    const nowhere = { name: NOWHERE.name, topicId: ZERO_UUID };
    expect(await ask([byName, nowhere, byName, nowhere])).toHaveLength(2);
    expect(await ask([byId, byId])).toMatchObject([{ name: topic.name, errorCode: 0 }]);
    expect(await ask([byName, byId, nowhere])).toMatchObject([{ name: topic.name, errorCode: 0 }]);
  });

  it('is refused once by ListOffsets', async () => {
    const at = (timestamp: number, partitionIndex = 0) => ({ timestamp, partitionIndex });
    const { topics } = await engine.client.ask(ApiKey.ListOffsets, 8, {
      replicaId: -1,
      topics: [
        { name: topic.name, partitions: [at(-1), at(-2), at(-1, 1)] },
        { name: topic.name, partitions: [at(-1)] },
        { name: 'without-partitions', partitions: [] },
      ],
    });
    expect(topics).toMatchObject([
      {
        name: topic.name,
        partitions: [
          { partitionIndex: 0, errorCode: INVALID_REQUEST, offset: -1 },
          { partitionIndex: 1, errorCode: 0, offset: 0 },
        ],
      },
    ]);
  });

  it('is appended once by Produce, as it is named last', async () => {
    const own = await createTopic(engine.client, 'appended', { partitions: 2 });
    const part = (index: number, value: string) => ({ index, records: [batchOf([value])] });
    const { responses } = await engine.client.ask(ApiKey.Produce, 9, {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [
        { name: own.name, partitionData: [part(0, 'first'), part(0, 'last')] },
        { name: own.name, partitionData: [part(1, 'other')] },
        { name: 'without-partitions', partitionData: [] },
      ],
    });
    expect(responses).toMatchObject([
      {
        name: own.name,
        partitionResponses: [
          { index: 0, errorCode: 0, baseOffset: 0 },
          { index: 1, baseOffset: 0 },
        ],
      },
    ]);
    expect(responses[0]!.partitionResponses).toHaveLength(2);
    const fetched = await engine.client.ask(ApiKey.Fetch, 12, fetchRequest(own));
    const [batch, ...more] = batchesIn(fetched.responses[0]!.partitions[0]!.records);
    expect(String(batch!.bytes)).toContain('last');
    expect(more).toEqual([]);
  });

  it('is deleted once by DeleteGroups', async () => {
    const { results } = await engine.client.ask(ApiKey.DeleteGroups, 2, { groupsNames: ['none', 'none'] });
    expect(results).toEqual([{ groupId: 'none', errorCode: errorCode('GROUP_ID_NOT_FOUND') }]);
  });

  it('is answered by DeleteTopics for each mention without a name', async () => {
    const nameless = { name: null, topicId: ZERO_UUID };
    const { responses } = await engine.client.ask(ApiKey.DeleteTopics, 6, {
      topics: [nameless, nameless],
      timeoutMs: 5_000,
    });
    const refused = { name: null, errorCode: INVALID_REQUEST, errorMessage: expect.stringMatching(/\w/) };
    expect(responses).toMatchObject([refused, refused]);
  });
});

describe('Metadata', () => {
  it.each([10, 11])('%i takes no ids', async (version) => {
    const ask = (name: string | null, topicId: string) =>
      engine.client.ask(ApiKey.Metadata, version, { topics: [{ name, topicId }] });
    for (const [name, topicId] of [
      ['', topic.id],
      [null, topic.id],
      [topic.name, topic.id],
      [null, ZERO_UUID],
    ] as const) {
      const answer = await ask(name, topicId);
      expect(answer).toMatchObject({ brokers: [], clusterId: null, controllerId: -1 });
      expect(answer.topics).toMatchObject([{ name: name ?? '', topicId, errorCode: INVALID_REQUEST, partitions: [] }]);
    }
  });

  it.each([12, 13])('%i needs a name or an id', async (version) => {
    const answer = await engine.client.ask(ApiKey.Metadata, version, { topics: [{ name: null, topicId: ZERO_UUID }] });
    expect(answer).toMatchObject({ brokers: [], errorCode: version === 13 ? UNEXPECTED : 0 });
    expect(answer.topics).toMatchObject([{ name: '', errorCode: UNEXPECTED }]);
  });

  it('tells what may be done with a topic that is not there', async () => {
    const { topics } = await engine.client.ask(ApiKey.Metadata, 9, {
      topics: [{ name: NOWHERE.name }],
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: true,
    });
    expect(topics).toMatchObject([{ errorCode: 3, topicAuthorizedOperations: 3576 }]);
  });
});

describe('ListOffsets', () => {
  it.each([
    [-3, 7],
    [-4, 8],
    [-5, 9],
    [-6, 11],
  ])('takes %i from version %i on', async (timestamp, since) => {
    expect(await listOffset(engine.client, topic, timestamp, { version: since - 1 })).toMatchObject({
      errorCode: UNSUPPORTED,
    });
    expect(await listOffset(engine.client, topic, timestamp, { version: since })).toMatchObject({ errorCode: 0 });
  });

  it.each([2, -1])('and Fetch fail on isolation level %i', async (isolationLevel) => {
    const partitions = [{ partitionIndex: 0, timestamp: -1 }];
    const request = { replicaId: -1, isolationLevel, topics: [{ name: topic.name, partitions }] };
    const { topics } = await engine.client.ask(ApiKey.ListOffsets, 8, request);
    expect(topics[0]!.partitions).toMatchObject([{ errorCode: UNEXPECTED, offset: -1 }]);
    const named = await engine.client.ask(ApiKey.Fetch, 12, { ...fetchRequest(topic), isolationLevel });
    expect(named).toMatchObject({ errorCode: UNEXPECTED, responses: [{ partitions: [{ errorCode: UNEXPECTED }] }] });
    const byId = fetchRequest(topic, { version: 13 });
    expect(await engine.client.ask(ApiKey.Fetch, 13, { ...byId, isolationLevel })).toMatchObject({
      errorCode: UNEXPECTED,
      responses: [],
    });
  });

  it('finds the first record where none has a timestamp', async () => {
    const timeless = await createTopic(engine.client, 'timeless');
    const nothing = { errorCode: 0, timestamp: -1, offset: -1 };
    expect(await listOffset(engine.client, timeless, -3)).toMatchObject(nothing);
    await produce(engine.client, timeless, batchOf(['a'], { timestamp: NO_TIMESTAMP }));
    expect(await listOffset(engine.client, timeless, -3)).toMatchObject({ ...nothing, offset: 0, leaderEpoch: 0 });
  });

  it('takes only -1 for no leader epoch', async () => {
    const asked = await listOffset(engine.client, topic, -1, { leaderEpoch: -2 });
    expect(asked).toMatchObject({ errorCode: errorCode('FENCED_LEADER_EPOCH') });
  });
});

describe('the zero id', () => {
  it('is the id of no topic for Fetch and Produce', async () => {
    const zero = { name: '', id: ZERO_UUID };
    const fetched = await engine.client.ask(ApiKey.Fetch, 13, fetchRequest(zero, { version: 13 }));
    expect(fetched.responses[0]!.partitions).toMatchObject([{ errorCode: errorCode('UNKNOWN_TOPIC_ID') }]);
    const produced = await produce(engine.client, zero, batchOf(['a']), { version: 13 });
    expect(produced).toMatchObject({ errorCode: errorCode('UNKNOWN_TOPIC_ID') });
  });
});

describe('topic configs', () => {
  const create = async (configs: Record<string, string>, validateOnly = true) => {
    const { topics } = await engine.client.ask(ApiKey.CreateTopics, 7, {
      topics: [
        {
          name: 'configured',
          numPartitions: 1,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
        },
      ],
      timeoutMs: 5_000,
      validateOnly,
    });
    return topics[0]!;
  };

  it.each([
    ['compression.gzip.level', '0', false],
    ['compression.gzip.level', '-1', true],
    ['compression.gzip.level', '9', true],
    ['remote.storage.enable', 'true', false],
    ['remote.storage.enable', 'false', true],
    ['retention.bytes', '-2', true],
  ])('%s=%s is taken: %s', async (name, value, taken) => {
    expect(await create({ [name]: value })).toMatchObject({ errorCode: taken ? 0 : errorCode('INVALID_CONFIG') });
  });

  it('come with an id also where nothing is created', async () => {
    expect((await create({})).topicId).not.toBe(ZERO_UUID);
  });

  it('are repeated as given, and described as they are understood', async () => {
    const { configs } = await create({ 'cleanup.policy': 'delete,delete', preallocate: 'TRUE' }, false);
    const values = Object.fromEntries(configs!.map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({ 'cleanup.policy': 'delete,delete', preallocate: 'TRUE' });
    const { results } = await engine.client.ask(ApiKey.DescribeConfigs, 4, {
      resources: [
        { resourceType: 2, resourceName: 'configured', configurationKeys: ['cleanup.policy', 'preallocate'] },
      ],
    });
    expect(results[0]!.configs.map(({ value }) => value)).toEqual(['delete', 'true']);
  });
});

describe('the cluster', () => {
  it('is the endpoint of a broker, whatever was asked for', async () => {
    const request = { includeClusterAuthorizedOperations: false, endpointType: 2 };
    const described = await engine.client.ask(ApiKey.DescribeCluster, 1, request);
    expect(described).toMatchObject({ errorCode: errorCode('MISMATCHED_ENDPOINT_TYPE'), endpointType: 1 });
  });

  it('names the coordinator with an empty message, before version 4 with the name of no error', async () => {
    const found = await engine.client.ask(ApiKey.FindCoordinator, 4, { coordinatorKeys: ['g'] });
    expect(found.coordinators).toMatchObject([{ errorCode: 0, errorMessage: '' }]);
    expect(await engine.client.ask(ApiKey.FindCoordinator, 3, { key: 'g' })).toMatchObject({ errorMessage: 'NONE' });
  });

  it.each([
    [5, -1],
    [-1, 5],
  ])('gives no producer id for id %i at epoch %i', async (producerId, producerEpoch) => {
    const request = { transactionalId: null, transactionTimeoutMs: 1_000, producerId, producerEpoch };
    expect(await engine.client.ask(ApiKey.InitProducerId, 4, request)).toMatchObject({ errorCode: INVALID_REQUEST });
  });
});
