import { beforeAll, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { denyAll } from '../support/authorizer.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { createTopic } from '../support/requests.ts';

/* Errors and texts are those of Apache Kafka 4.3.1, of which node 1 was asked the same; here it is node 0. */

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  await createTopic(engine.client, 'placed', { partitions: 3 });
});

type Replicas = number[] | null;

/** Error and text of each partition, by topic. */
async function reassign(...topics: [string, ...[number, Replicas][]][]) {
  const answer = await engine.client.ask(ApiKey.AlterPartitionReassignments, 1, {
    timeoutMs: 5_000,
    allowReplicationFactorChange: false,
    topics: topics.map(([name, ...partitions]) => ({
      name,
      partitions: partitions.map(([partitionIndex, replicas]) => ({ partitionIndex, replicas })),
    })),
  });
  expect(answer).toMatchObject({ errorCode: 0, allowReplicationFactorChange: false });
  return answer.responses.map(({ name, partitions }) => [
    name,
    ...partitions.map((one) => [one.partitionIndex, one.errorCode, one.errorMessage]),
  ]);
}

describe('AlterPartitionReassignments', () => {
  it('does nothing for the replicas that a partition has', async () => {
    expect(await reassign(['placed', [0, [0]], [2, [0]]], ['placed', [1, [0]]])).toEqual([
      ['placed', [0, 0, null], [2, 0, null]],
      ['placed', [1, 0, null]],
    ]);
  });

  it('answers no topics with an empty text, and no partitions with none', async () => {
    const request = { timeoutMs: 5_000, topics: [] };
    const answer = await engine.client.ask(ApiKey.AlterPartitionReassignments, 0, request);
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: '', responses: [] });
    expect(await reassign(['placed'])).toEqual([['placed']]);
  });

  it.each<[string, string, number, Replicas, ErrorName, string | null]>([
    ['cancelling what is not under way', 'placed', 0, null, 'NO_REASSIGNMENT_IN_PROGRESS', null],
    [
      'no replicas',
      'placed',
      0,
      [],
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes an empty replica list.',
    ],
    [
      'a broker twice',
      'placed',
      0,
      [0, 0],
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes the broker 0 more than once.',
    ],
    [
      'a broker that is not there',
      'placed',
      0,
      [2],
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes broker 2, but no such broker is registered.',
    ],
    [
      'several that are not there, the lowest first',
      'placed',
      0,
      [0, 7, -5, 7],
      'INVALID_REPLICA_ASSIGNMENT',
      'The manual partition assignment includes broker -5, but no such broker is registered.',
    ],
    ['an unknown partition', 'placed', 9, [0], 'UNKNOWN_TOPIC_OR_PARTITION', 'Unable to find partition placed:9.'],
    ['a negative one', 'placed', -1, null, 'UNKNOWN_TOPIC_OR_PARTITION', 'Unable to find partition placed:-1.'],
    ['an unknown topic', 'nope', 0, [0], 'UNKNOWN_TOPIC_OR_PARTITION', 'Unable to find a topic named nope.'],
    ['no topic', '', 0, [0], 'UNKNOWN_TOPIC_OR_PARTITION', 'Unable to find a topic named .'],
  ])('refuses %s', async (_, name, partition, replicas, error, text) => {
    expect(await reassign([name, [partition, replicas]])).toEqual([[name, [partition, errorCode(error), text]]]);
  });

  it('quotes no more of a name than names have', async () => {
    const [topic] = await reassign(['n'.repeat(30_000), [0, [0]]]);
    const [, , text] = topic![1] as [number, number, string];
    expect(text).toMatch(/^Unable to find a topic named n+\.\.\.\.$/);
    expect(text.length).toBeLessThan(300);
  });
});

describe('AlterPartitionReassignments without the right', () => {
  it('and ListPartitionReassignments are refused whole', async () => {
    const refusing = await startEngine();
    Object.assign(refusing.broker, { authorize: denyAll });
    const denied = {
      errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'),
      errorMessage: 'Cluster authorization failed.',
    };
    const { client } = refusing;
    const topics = [{ name: 'placed', partitions: [] }];
    const asked = { timeoutMs: 5_000, topics };
    expect(await client.ask(ApiKey.AlterPartitionReassignments, 1, asked)).toMatchObject(denied);
    expect(await client.ask(ApiKey.ListPartitionReassignments, 0, {})).toMatchObject(denied);
  });
});

describe('ListPartitionReassignments', () => {
  it.each([
    { topics: null },
    { topics: [] },
    { topics: [{ name: 'placed', partitionIndexes: [0, 7] }] },
    { topics: [{ name: 'no/pe', partitionIndexes: [0] }] },
  ])('finds nothing under way in %j', async ({ topics }) => {
    const answer = await engine.client.ask(ApiKey.ListPartitionReassignments, 0, { timeoutMs: 5_000, topics });
    expect(answer).toEqual({ throttleTimeMs: 0, errorCode: 0, errorMessage: null, topics: [] });
  });
});
