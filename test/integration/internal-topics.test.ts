import { beforeAll, describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../lib/auth/principal.ts';
import { allApis } from '../../lib/broker/apis-of/all.ts';
import { patientFrameHandler } from '../../lib/broker/dispatch.ts';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { encodeTopic, TOPIC_IDS_PK, TOPICS_PK, type TopicRecord } from '../../lib/storage/items/topic.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { receiveFrame } from '../../lib/wire/frame.ts';
import { change, describeOne, describeResources, replace, SET, TOPIC } from '../support/config-requests.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { GroupMember } from '../support/group-member.ts';
import { requestFrame } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { commitOffsets, fetchOffsets } from '../support/offset-requests.ts';
import { batchOf, createTopic, fetch, fetchRequest, listOffset, produce, type TopicName } from '../support/requests.ts';

/*
 * Errors and answers are those of Apache Kafka 4.3.1, where its topics hold records; what is refused here although Kafka does
 * it says so.
 */

const OFFSETS = '__consumer_offsets';
/** Those that are not there, as in a cluster of Kafka that has neither transactions nor share groups. */
const ABSENT = ['__transaction_state', '__share_group_state', '__cluster_metadata'];
const UNKNOWN = errorCode('UNKNOWN_TOPIC_OR_PARTITION');

let engine: Engine;
let offsets: TopicName;
beforeAll(async () => {
  engine = await startEngine({ settings: { 'offsets.topic.num.partitions': '7' } });
  await createTopic(engine.client, '_first');
  await createTopic(engine.client, 'last');
  const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name: OFFSETS }] });
  offsets = { name: OFFSETS, id: topics[0]!.topicId };
});

const CONTEXT = {
  principal: ANONYMOUS,
  clientId: '',
  host: '127.0.0.1',
  listener: 'PLAINTEXT',
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};

async function listed(from = engine): Promise<(string | null)[]> {
  const { topics } = await from.client.ask(ApiKey.Metadata, 12, { topics: null });
  return topics.map(({ name }) => name);
}

describe('__consumer_offsets', () => {
  it('is described as internal, with its partitions, by name and by id', async () => {
    expect(offsets.id).not.toBe(ZERO_UUID);
    for (const asked of [{ name: OFFSETS }, { name: null, topicId: offsets.id }]) {
      const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [asked] });
      expect(topics).toMatchObject([{ errorCode: 0, name: OFFSETS, topicId: offsets.id, isInternal: true }]);
      const leaders = { errorCode: 0, leaderId: 0, leaderEpoch: 0, replicaNodes: [0], isrNodes: [0] };
      expect(topics[0]!.partitions).toMatchObject(
        [0, 1, 2, 3, 4, 5, 6].map((partitionIndex) => ({ partitionIndex, ...leaders })),
      );
    }
    const described = await engine.client.ask(ApiKey.DescribeTopicPartitions, 0, { topics: [{ name: OFFSETS }] });
    expect(described.topics).toMatchObject([{ errorCode: 0, topicId: offsets.id, isInternal: true }]);
    expect(described.topics[0]!.partitions).toHaveLength(7);
  });

  it('has 50 partitions by default and the same id everywhere', async () => {
    const other = await startEngine();
    const { topics } = await other.client.ask(ApiKey.Metadata, 12, { topics: [{ name: OFFSETS }] });
    expect(topics[0]).toMatchObject({ topicId: offsets.id });
    expect(topics[0]!.partitions).toHaveLength(50);
  });

  it('is compacted', async () => {
    const configs = ['cleanup.policy', 'compression.type', 'segment.bytes'];
    const [described] = await describeResources(engine.client, [[TOPIC, OFFSETS, configs]]);
    const own = described!.configs.map(({ name, value, configSource }) => [name, value, configSource]);
    expect(own).toEqual([
      ['cleanup.policy', 'compact', 1],
      ['compression.type', 'producer', 1],
      ['segment.bytes', '104857600', 1],
    ]);
  });

  it('is listed once there has been a group, in its place, and costs no read from then on', async () => {
    const stores = emptyStores();
    const first = await startEngine({ stores });
    await createTopic(first.client, '_first');
    await createTopic(first.client, 'last');
    expect(await listed(first)).toEqual(['_first', 'last']);
    await new GroupMember(first.client, 'some').joinOnce();
    const second = await startEngine({ stores });
    for (const process of [first, second]) {
      expect(await listed(process)).toEqual([OFFSETS, '_first', 'last']);
      process.meter.reset();
      await listed(process);
      // The list of topics, the leader items of two topics whose journals are not open here, and nothing of groups.
      expect(process.meter.totals('state.query').calls).toBe(1 + 2);
    }
  });

  it('is listed among the topics of every API that lists them', async () => {
    await commitOffsets(engine.client, 'some', { name: 'last', id: ZERO_UUID }, { 0: 1 });
    const { configResources } = await engine.client.ask(ApiKey.ListConfigResources, 1, { resourceTypes: [TOPIC] });
    expect(configResources.map(({ resourceName }) => resourceName)).toContain(OFFSETS);
    const dirs = await engine.client.ask(ApiKey.DescribeLogDirs, 4, { topics: null });
    const [dir] = dirs.results;
    const logs = dir!.topics.find(({ name }) => name === OFFSETS)!.partitions;
    expect(logs.map(({ partitionSize }) => partitionSize)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    const { topics } = await engine.client.ask(ApiKey.DescribeTopicPartitions, 0, { topics: [] });
    expect(topics.map(({ name }) => name)).toEqual([OFFSETS, '_first', 'last']);
  });

  it('is read as a topic without records', async () => {
    const found = { errorCode: 0, timestamp: -1, offset: 0, leaderEpoch: 0 };
    for (const timestamp of [-1, -2, -4]) {
      expect(await listOffset(engine.client, offsets, timestamp, { version: 11 })).toMatchObject(found);
    }
    const none = { errorCode: 0, timestamp: -1, offset: -1, leaderEpoch: -1 };
    for (const timestamp of [-3, -5, -6, 0, 100]) {
      expect(await listOffset(engine.client, offsets, timestamp, { version: 11 })).toMatchObject(none);
    }
    expect(await listOffset(engine.client, offsets, -1, { partition: 7 })).toMatchObject({ errorCode: UNKNOWN });
    const empty = { errorCode: 0, highWatermark: 0, lastStableOffset: 0, logStartOffset: 0 };
    for (const version of [11, 13]) {
      expect(await fetch(engine.client, offsets, { version, partition: 6, maxWaitMs: 0 })).toMatchObject(empty);
    }
    const outside = { ...empty, errorCode: errorCode('OFFSET_OUT_OF_RANGE') };
    expect(await fetch(engine.client, offsets, { offset: 1 })).toMatchObject(outside);
    const ahead = { errorCode: errorCode('UNKNOWN_LEADER_EPOCH') };
    expect(await fetch(engine.client, offsets, { leaderEpoch: 1 })).toMatchObject(ahead);
    expect(await fetch(engine.client, offsets, { partition: 7 })).toMatchObject({ errorCode: UNKNOWN });
  });

  it('keeps a fetch waiting as any topic that nothing comes to', async () => {
    const waited = performance.now();
    await fetch(engine.client, offsets, { maxWaitMs: 300, minBytes: 1 });
    expect(performance.now() - waited).toBeGreaterThanOrEqual(290);
    const atOnce = performance.now();
    await fetch(engine.client, offsets, { maxWaitMs: 60_000, minBytes: 0 });
    expect(performance.now() - atOnce).toBeLessThan(Math.min(scaled(30_000), 59_000));
    const began = performance.now();
    const beside = fetchRequest({ name: 'last', id: ZERO_UUID }, { maxWaitMs: 60_000 });
    const asked = engine.client.ask(ApiKey.Fetch, 12, {
      ...beside,
      topics: [...fetchRequest(offsets).topics, ...beside.topics],
    });
    await produce(engine.client, { name: 'last', id: ZERO_UUID }, batchOf(['x']));
    const { responses } = await asked;
    expect(responses.map(({ partitions }) => partitions[0]!.highWatermark)).toEqual([0, 1]);
    expect(performance.now() - began).toBeLessThan(Math.min(scaled(30_000), 59_000));
  });

  it('knows the end of its only epoch', async () => {
    for (const [leaderEpoch, end] of [
      [0, { errorCode: 0, leaderEpoch: 0, endOffset: 0 }],
      [1, { errorCode: 0, leaderEpoch: -1, endOffset: -1 }],
    ] as const) {
      const { topics } = await engine.client.ask(ApiKey.OffsetForLeaderEpoch, 4, {
        replicaId: -1,
        topics: [{ topic: OFFSETS, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch }] }],
      });
      expect(topics[0]!.partitions).toMatchObject([{ partition: 0, ...end }]);
    }
  });

  it('can be committed for by a group that reads it', async () => {
    expect(await commitOffsets(engine.client, 'reader', offsets, { 3: 0 })).toEqual([0]);
    expect((await fetchOffsets(engine.client, 'reader', offsets, [3])).topics[0]!.partitions).toMatchObject([
      { partitionIndex: 3, committedOffset: 0, errorCode: 0 },
    ]);
  });

  it('is matched by the patterns that the broker resolves', async () => {
    const joined = await engine.client.ask(ApiKey.ConsumerGroupHeartbeat, 1, {
      groupId: 'by-pattern',
      memberId: 'member',
      memberEpoch: 0,
      rebalanceTimeoutMs: 10_000,
      subscribedTopicRegex: '__consumer.*',
      topicPartitions: [],
    });
    expect(joined.assignment).toEqual({
      topicPartitions: [{ topicId: offsets.id, partitions: [0, 1, 2, 3, 4, 5, 6] }],
    });
  });

  it('sends a fetch that waits away, to be asked again', async () => {
    const frame = requestFrame(ApiKey.Fetch, 12, 1, fetchRequest(offsets, { maxWaitMs: 60_000, minBytes: 1 }));
    const away = AbortSignal.timeout(20);
    const context = { ...CONTEXT, again: { signal: away, token: undefined } };
    expect(await patientFrameHandler(engine.broker, allApis)(receiveFrame(frame), context)).toEqual({
      kind: 'again',
      token: expect.stringMatching(/^\d+$/),
    });
  });

  it('takes no records', async () => {
    const refused = { errorCode: errorCode('INVALID_TOPIC_EXCEPTION'), baseOffset: -1 };
    for (const version of [9, 13]) {
      expect(await produce(engine.client, offsets, batchOf(['x']), { version })).toMatchObject(refused);
    }
    expect(await produce(engine.client, offsets, batchOf(['x']), { partition: 7 })).toMatchObject({
      errorCode: UNKNOWN,
    });
  });

  it('is there already when it is created', async () => {
    for (const validateOnly of [true, false]) {
      expect(await create(OFFSETS, validateOnly)).toEqual([
        errorCode('TOPIC_ALREADY_EXISTS'),
        `Topic '${OFFSETS}' already exists.`,
      ]);
    }
  });

  it('cannot be deleted, which Kafka does', async () => {
    for (const topic of [
      { name: OFFSETS, topicId: ZERO_UUID },
      { name: null, topicId: offsets.id },
    ]) {
      const { responses } = await engine.client.ask(ApiKey.DeleteTopics, 6, { topics: [topic], timeoutMs: 1_000 });
      const errorMessage = `Deletion of internal topic ${OFFSETS} is prohibited.`;
      expect(responses).toMatchObject([{ name: OFFSETS, errorCode: errorCode('INVALID_REQUEST'), errorMessage }]);
    }
  });

  it('cannot be changed, which Kafka does; a change that is only validated is checked', async () => {
    const refused = [errorCode('INVALID_REQUEST'), `The internal topic ${OFFSETS} cannot be changed.`];
    expect(await morePartitions(OFFSETS, 60)).toEqual(refused);
    expect(await morePartitions(OFFSETS, 60, true)).toEqual([0, null]);
    expect((await morePartitions(OFFSETS, 7))[0]).toBe(errorCode('INVALID_PARTITIONS'));
    const [altered] = await change(engine.client, [[TOPIC, OFFSETS, ['retention.ms', SET, '5']]]);
    expect([altered!.errorCode, altered!.errorMessage]).toEqual(refused);
    const [validated] = await change(engine.client, [[TOPIC, OFFSETS, ['retention.ms', SET, '5']]], true);
    expect(validated).toMatchObject({ errorCode: 0 });
    const [wrong] = await change(engine.client, [[TOPIC, OFFSETS, ['retention.ms', SET, 'x']]]);
    expect(wrong).toMatchObject({ errorCode: errorCode('INVALID_CONFIG') });
    const [replaced] = await replace(engine.client, [[TOPIC, OFFSETS, ['retention.ms', '5']]]);
    expect([replaced!.errorCode, replaced!.errorMessage]).toEqual(refused);
    expect(await describeOne(engine.client, TOPIC, OFFSETS, 'retention.ms')).toMatchObject({ value: '604800000' });
  });
});

async function create(name: string, validateOnly = false): Promise<[number, string | null]> {
  const { topics } = await engine.client.ask(ApiKey.CreateTopics, 7, {
    topics: [{ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 1_000,
    validateOnly,
  });
  return [topics[0]!.errorCode, topics[0]!.errorMessage];
}

async function morePartitions(name: string, count: number, validateOnly = false): Promise<[number, string | null]> {
  const topics = [{ name, count, assignments: null }];
  const { results } = await engine.client.ask(ApiKey.CreatePartitions, 3, { topics, timeoutMs: 1_000, validateOnly });
  return [results[0]!.errorCode, results[0]!.errorMessage];
}

describe.each(ABSENT)('%s', (name) => {
  const topic = { name, id: ZERO_UUID };

  it('is not there, and not created by use', async () => {
    for (const allowAutoTopicCreation of [false, true]) {
      const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name }], allowAutoTopicCreation });
      const isInternal = name !== '__cluster_metadata';
      expect(topics).toMatchObject([{ errorCode: UNKNOWN, name, topicId: ZERO_UUID, isInternal, partitions: [] }]);
    }
    expect(await listed()).not.toContain(name);
  });

  it('is unknown to whoever reads, writes or changes it', async () => {
    expect(await produce(engine.client, topic, batchOf(['x']))).toMatchObject({ errorCode: UNKNOWN });
    expect(await fetch(engine.client, topic)).toMatchObject({ errorCode: UNKNOWN });
    expect(await listOffset(engine.client, topic, -1)).toMatchObject({ errorCode: UNKNOWN });
    expect(await commitOffsets(engine.client, 'reader', topic, { 0: 0 })).toEqual([UNKNOWN]);
    expect((await morePartitions(name, 2, true))[0]).toBe(UNKNOWN);
    const [altered] = await change(engine.client, [[TOPIC, name, ['retention.ms', SET, '5']]]);
    expect(altered).toMatchObject({ errorCode: UNKNOWN, errorMessage: `The topic '${name}' does not exist.` });
    const [described] = await describeResources(engine.client, [[TOPIC, name]]);
    expect(described).toMatchObject({ errorCode: UNKNOWN });
    const { responses } = await engine.client.ask(ApiKey.DeleteTopics, 5, { topicNames: [name], timeoutMs: 1_000 });
    expect(responses).toMatchObject([{ errorCode: UNKNOWN }]);
  });

  // Kafka refuses __cluster_metadata like this and would create the others, with the configs of an ordinary topic.
  it('cannot be created', async () => {
    for (const validateOnly of [true, false]) {
      expect(await create(name, validateOnly)).toEqual([
        errorCode('INVALID_REQUEST'),
        `Creation of internal topic ${name} is prohibited.`,
      ]);
    }
  });
});

describe('a topic that an earlier program stored under a name of the system', () => {
  it.each<[string, ErrorName]>([
    [OFFSETS, 'INVALID_TOPIC_EXCEPTION'],
    ['__transaction_state', 'UNKNOWN_TOPIC_OR_PARTITION'],
  ])('%s is passed over and kept', async (name, error) => {
    const stores = emptyStores();
    const id = 'AAAAAAAAAAAAAAAAAAAAZQ';
    const record: TopicRecord = {
      id,
      name,
      partitions: 2,
      journals: 1,
      replicationFactor: 1,
      configs: {},
      createdAt: 1,
    };
    const item = { version: 1, nonce: 'n', body: encodeTopic(record) };
    await stores.state.put({ pk: TOPICS_PK, sk: name, ...item }, { kind: 'absent' });
    await stores.state.put({ pk: TOPIC_IDS_PK, sk: id, ...item }, { kind: 'absent' });
    const own = await startEngine({ stores });
    expect(await listed(own)).toEqual([]);
    const { topics } = await own.client.ask(ApiKey.Metadata, 12, { topics: [{ name: null, topicId: id }] });
    expect(topics).toMatchObject([{ errorCode: errorCode('UNKNOWN_TOPIC_ID') }]);
    const produced = await produce(own.client, { name, id }, batchOf(['x']));
    expect(produced).toMatchObject({ errorCode: errorCode(error) });
    await own.client.ask(ApiKey.DeleteTopics, 5, { topicNames: [name], timeoutMs: 1_000 });
    expect((await stores.state.get(TOPICS_PK, name, true)).item?.version).toBe(1);
  });
});
