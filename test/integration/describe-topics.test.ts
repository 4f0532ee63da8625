import { beforeAll, describe, expect, it } from 'vitest';
import type { Operation, Resource } from '../../lib/auth/authorize.ts';
import { PARTITIONS_ANSWERED_MAX } from '../../lib/broker/api/75-describe-topic-partitions.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { memoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decideBy } from '../support/authorizer.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { batchOf, createTopic, produce, type TopicName } from '../support/requests.ts';
import { sealNow } from '../support/sealing.ts';
import { seededRandom } from '../support/seeded-random.ts';

let engine: Engine;
let first: TopicName;
let second: TopicName;
beforeAll(async () => {
  engine = await startEngine();
  first = await createTopic(engine.client, 't1', { partitions: 3 });
  second = await createTopic(engine.client, 't2', { partitions: 2 });
});

interface Cursor {
  readonly topicName: string;
  readonly partitionIndex: number;
}

/** The answer in short: each topic's error and partitions, and the cursor. */
async function page(names: string[], cursor: Cursor | null = null, limit = 2_000, from = engine) {
  const { topics, nextCursor } = await from.client.ask(ApiKey.DescribeTopicPartitions, 0, {
    topics: names.map((name) => ({ name })),
    responsePartitionLimit: limit,
    cursor,
  });
  const short = topics.map((one) => [one.name, one.errorCode, one.partitions.map((each) => each.partitionIndex)]);
  return { topics: short, next: nextCursor === null ? null : [nextCursor.topicName, nextCursor.partitionIndex] };
}

const at = (topicName: string, partitionIndex: number): Cursor => ({ topicName, partitionIndex });
const UNKNOWN = errorCode('UNKNOWN_TOPIC_OR_PARTITION');

describe('DescribeTopicPartitions', () => {
  it('describes all topics where none is named', async () => {
    const expected = {
      topics: [
        ['t1', 0, [0, 1, 2]],
        ['t2', 0, [0, 1]],
      ],
      next: null,
    };
    expect(await page([])).toEqual(expected);
    const { topics } = await engine.client.ask(ApiKey.DescribeTopicPartitions, 0, { topics: [] });
    expect(topics.map(({ topicId }) => topicId)).toEqual([first.id, second.id]);
  });

  it('describes the named ones once, in order of name, with their errors', async () => {
    expect(await page(['t2', 'nope', 't1', 'a/b', 't1', ''])).toEqual({
      topics: [
        ['', errorCode('INVALID_TOPIC_EXCEPTION'), []],
        ['a/b', errorCode('INVALID_TOPIC_EXCEPTION'), []],
        ['nope', UNKNOWN, []],
        ['t1', 0, [0, 1, 2]],
        ['t2', 0, [0, 1]],
      ],
      next: null,
    });
  });

  // What Kafka 4.3 answers to the same requests.
  it.each<[string, string[], Cursor | null, number, [string, number, number[]][], [string, number] | null]>([
    [
      'ends in a topic',
      ['t2', 't1', 'nope'],
      null,
      2,
      [
        ['nope', UNKNOWN, []],
        ['t1', 0, [0, 1]],
      ],
      ['t1', 2],
    ],
    [
      'ends after a topic',
      ['t2', 't1', 'nope'],
      null,
      3,
      [
        ['nope', UNKNOWN, []],
        ['t1', 0, [0, 1, 2]],
      ],
      ['t2', 0],
    ],
    ['goes on in a topic', ['t1', 't2'], at('t1', 2), 1, [['t1', 0, [2]]], ['t2', 0]],
    [
      'goes on to the end',
      ['t1', 't2'],
      at('t1', 2),
      9,
      [
        ['t1', 0, [2]],
        ['t2', 0, [0, 1]],
      ],
      null,
    ],
    [
      'goes on behind the last partition',
      ['t1', 't2'],
      at('t1', 9),
      9,
      [
        ['t1', 0, []],
        ['t2', 0, [0, 1]],
      ],
      null,
    ],
    ['leaves out what lies before', ['t1', 't2'], at('t2', 1), 9, [['t2', 0, [1]]], null],
    ['goes on where a topic was', [], at('t15', 1), 9, [['t2', 0, [0, 1]]], null],
    [
      'begins anew where the topic is gone',
      ['nope', 't1'],
      at('nope', 3),
      9,
      [
        ['nope', UNKNOWN, []],
        ['t1', 0, [0, 1, 2]],
      ],
      null,
    ],
    ['has room for one at least', ['t1'], null, 0, [['t1', 0, [0]]], ['t1', 1]],
    ['takes no negative room', ['t1'], null, -1, [['t1', 0, [0]]], ['t1', 1]],
    [
      'needs the topic of the cursor',
      ['t1', 't2'],
      at('a', 1),
      9,
      [
        ['t1', 42, []],
        ['t2', 42, []],
      ],
      null,
    ],
    ['needs a partition in the cursor', ['t1'], at('t1', -1), 9, [['t1', 42, []]], null],
    [
      'has all of all',
      [],
      null,
      4,
      [
        ['t1', 0, [0, 1, 2]],
        ['t2', 0, [0]],
      ],
      ['t2', 1],
    ],
  ])('%s', async (_, names, cursor, limit, topics, next) => {
    expect(await page(names, cursor, limit)).toEqual({ topics, next });
  });

  it('has a bound of its own, and pages make up the whole', async () => {
    const own = await startEngine();
    await createTopic(own.client, 'wide', { partitions: PARTITIONS_ANSWERED_MAX + 1 });
    await createTopic(own.client, 'z');
    const one = await page([], null, 1_000_000, own);
    expect(one.topics[0]![2]).toHaveLength(PARTITIONS_ANSWERED_MAX);
    expect(one.next).toEqual(['wide', PARTITIONS_ANSWERED_MAX]);
    const two = await page([], at('wide', PARTITIONS_ANSWERED_MAX), 1_000_000, own);
    expect(two).toEqual({
      topics: [
        ['wide', 0, [PARTITIONS_ANSWERED_MAX]],
        ['z', 0, [0]],
      ],
      next: null,
    });
  });

  it('closes the connection for too many names, and looks many up at once', async () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `n${index}` }));
    const gets = engine.meter.totals('state.get').calls;
    const { topics } = await engine.client.ask(ApiKey.DescribeTopicPartitions, 0, { topics: names(50_000) });
    expect(topics).toHaveLength(50_000);
    expect(engine.meter.totals('state.get').calls).toBe(gets);
    const told = await engine.client.tell(ApiKey.DescribeTopicPartitions, 0, { topics: names(100_001) });
    expect(told).toMatchObject({ kind: 'closed', reason: expect.stringContaining('at most 100000') });
  });

  it('does not say whether topics are there that may not be seen', async () => {
    const guarded = await guardedEngine((_, resource) => resource.type === 'TOPIC' && resource.name === 'mine');
    const forbidden = errorCode('TOPIC_AUTHORIZATION_FAILED');
    const topics = [
      ['mine', 0, [0]],
      ['hers', forbidden, []],
      ['nope', forbidden, []],
    ];
    expect(await page(['nope', 'hers', 'mine'], null, 9, guarded)).toEqual({ topics, next: null });
    expect(await page([], null, 9, guarded)).toEqual({ topics: [['mine', 0, [0]]], next: null });
  });
});

async function guardedEngine(allowed: (operation: Operation, resource: Resource) => boolean): Promise<Engine> {
  const guarded = await startEngine();
  await createTopic(guarded.client, 'mine');
  await createTopic(guarded.client, 'hers');
  Object.assign(guarded.broker, { authorize: decideBy(allowed) });
  return guarded;
}

describe('ElectLeaders', () => {
  async function elect(partitions: [string, number[]][] | null, electionType = 0, from = engine) {
    const topicPartitions = partitions?.map(([topic, ids]) => ({ topic, partitions: ids })) ?? null;
    const answer = await from.client.ask(ApiKey.ElectLeaders, 2, { electionType, topicPartitions });
    const results = answer.replicaElectionResults.map(({ topic, partitionResult }) => [
      topic,
      partitionResult.map((one) => [one.partitionId, one.errorCode, one.errorMessage]),
    ]);
    return { error: answer.errorCode, results };
  }
  const needless = (partition: number) => [partition, 84, 'Leader election not needed for topic partition.'];

  it('needs no election, preferred or unclean', async () => {
    for (const type of [0, 1]) {
      expect(
        await elect(
          [
            ['t1', [2, 0, 0]],
            ['t2', []],
            ['t1', [1]],
          ],
          type,
        ),
      ).toEqual({
        error: 0,
        results: [
          ['t1', [needless(2), needless(0), needless(0)]],
          ['t2', []],
          ['t1', [needless(1)]],
        ],
      });
      expect(await elect(null, type)).toEqual({
        error: 0,
        results: [
          ['t1', []],
          ['t2', []],
        ],
      });
      expect(await elect([], type)).toEqual({ error: 0, results: [] });
    }
  });

  it('tells what is not there', async () => {
    expect(
      await elect([
        ['t1', [7, -1]],
        ['nope', [0]],
        ['a/b', [0]],
      ]),
    ).toEqual({
      error: 0,
      results: [
        [
          't1',
          [
            [7, 3, 'No such partition as t1-7'],
            [-1, 3, 'No such partition as t1--1'],
          ],
        ],
        ['nope', [[0, 3, 'No such topic as nope']]],
        ['a/b', [[0, 3, 'No such topic as a/b']]],
      ],
    });
  });

  it('refuses other kinds of elections, and those who may not', async () => {
    const refused = [['t1', [[0, 42, 'Unknown election type 9']]]];
    expect(await elect([['t1', [0]]], 9)).toEqual({ error: 42, results: refused });
    const guarded = await guardedEngine(() => false);
    const forbidden = errorCode('CLUSTER_AUTHORIZATION_FAILED');
    const results = [['mine', [[0, forbidden, expect.any(String)]]]];
    expect(await elect([['mine', [0]]], 0, guarded)).toEqual({ error: forbidden, results });
    expect(await elect(null, 0, guarded)).toEqual({ error: forbidden, results: [] });
  });
});

describe('DescribeLogDirs', () => {
  async function sizes(topics: [string, number[]][] | null, from = engine) {
    const asked = topics?.map(([topic, partitions]) => ({ topic, partitions })) ?? null;
    const answer = await from.client.ask(ApiKey.DescribeLogDirs, 5, { topics: asked });
    const [directory, ...more] = answer.results;
    expect(more).toEqual([]);
    return directory?.topics.map(({ name, partitions }) => [
      name,
      partitions.map((one) => [one.partitionIndex, one.partitionSize]),
    ]);
  }

  it('tells the size of every partition, whether this process has used it or not', async () => {
    const own = await startEngine();
    const used = await createTopic(own.client, 'used', { partitions: 2 });
    await createTopic(own.client, 'idle');
    const batch = batchOf(['v']);
    await produce(own.client, used, batch);
    await produce(own.client, used, batch);
    const expected = [
      ['idle', [[0, 0]]],
      [
        'used',
        [
          [0, 2 * batch.length],
          [1, 0],
        ],
      ],
    ];
    expect(await sizes(null, own)).toEqual(expected);
    const other = await startEngine({ stores: own.broker.admin.journals.env.stores });
    expect(await sizes(null, other)).toEqual(expected);
    // It sees what another process appended since.
    await produce(own.client, used, batch, { partition: 1 });
    expect(await sizes([['used', [1]]], other)).toEqual([['used', [[1, batch.length]]]]);
  });

  it('counts what is sealed and what is not', async () => {
    const own = await startEngine();
    const topic = await createTopic(own.client, 'sealed');
    const batch = batchOf(['v']);
    await produce(own.client, topic, batch);
    await sealNow(await own.journalOf('sealed'));
    expect(await sizes([['sealed', [0]]], own)).toEqual([['sealed', [[0, batch.length]]]]);
    await produce(own.client, topic, batch);
    expect(await sizes([['sealed', [0]]], own)).toEqual([['sealed', [[0, 2 * batch.length]]]]);
  });

  it('does not know the size of what the store does not answer for', async () => {
    let isDown = false;
    const stores = memoryStores({
      clock: systemClock,
      random: seededRandom(1),
      faults: ({ store }) => (isDown && store === 'journal' ? { refuse: 'unavailable' } : {}),
    });
    const own = await startEngine({ stores });
    await createTopic(own.client, 'some');
    isDown = true;
    expect(await sizes(null, own)).toEqual([['some', [[0, -1]]]]);
  });

  it('leaves out what is not there', async () => {
    const asked: [string, number[]][] = [
      ['t2', [1, 1, 7, -1]],
      ['nope', [0]],
      ['a/b', [0]],
      ['t1', []],
      ['t2', [0]],
    ];
    const found = (await sizes(asked))!.map(([name, partitions]) => [
      name,
      (partitions as number[][]).map(([id]) => id),
    ]);
    expect(found).toEqual([['t2', [1, 0]]]);
    expect(await sizes([])).toEqual([]);
  });

  it('is refused to those who may not', async () => {
    const guarded = await guardedEngine((operation) => operation !== 'DESCRIBE');
    const answer = await guarded.client.ask(ApiKey.DescribeLogDirs, 4, { topics: null });
    expect(answer).toMatchObject({ errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), results: [] });
  });
});

describe('ListConfigResources', () => {
  const list = async (resourceTypes: number[], from = engine) => {
    const answer = await from.client.ask(ApiKey.ListConfigResources, 1, { resourceTypes });
    return [answer.errorCode, answer.configResources.map((one) => `${one.resourceType} ${one.resourceName}`)];
  };

  it.each<[string, number[], ErrorName, string[]]>([
    ['everything', [], 'NONE', ['8 0', '4 0', '2 t1', '2 t2']],
    ['topics', [2, 2], 'NONE', ['2 t1', '2 t2']],
    ['brokers, groups and metrics', [32, 4, 16], 'NONE', ['4 0']],
    ['what there is not', [2, 3], 'UNSUPPORTED_VERSION', []],
    ['type 0', [0], 'UNSUPPORTED_VERSION', []],
  ])('lists %s', async (_, types, error, resources) => {
    expect(await list(types)).toEqual([errorCode(error), resources]);
  });

  it('is refused to those who may not', async () => {
    const guarded = await guardedEngine((operation) => operation !== 'DESCRIBE_CONFIGS');
    expect(await list([], guarded)).toEqual([errorCode('CLUSTER_AUTHORIZATION_FAILED'), []]);
    const topic = { name: 'new', numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] };
    const { topics } = await guarded.client.ask(ApiKey.CreateTopics, 7, { topics: [topic], timeoutMs: 5000 });
    expect(topics).toMatchObject([
      {
        errorCode: 0,
        topicConfigErrorCode: errorCode('TOPIC_AUTHORIZATION_FAILED'),
        numPartitions: -1,
        replicationFactor: -1,
        configs: [],
      },
    ]);
    expect(topics[0]!.topicId).not.toBe(ZERO_UUID);
  });
});
