import { beforeAll, describe, expect, it } from 'vitest';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { decideBy, decideLater, type Rule } from '../support/authorizer.ts';
import { ConsumerMember } from '../support/consumer-member.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import {
  batchOf,
  createTopic,
  fetch,
  fetchRequest,
  produce,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';

const stores = emptyStores();
const names = ['mine', 'hers'] as const;
let topics: Record<(typeof names)[number], TopicName>;

beforeAll(async () => {
  const { client } = await startEngine({ stores });
  topics = { mine: await createTopic(client, 'mine'), hers: await createTopic(client, 'hers') };
  for (const name of names) await produce(client, topics[name], batchOf([name]));
});

/** What the client owns: everything named `mine...`, no other topic or group, and not the cluster. */
const ownOnly: Rule = (_, resource) =>
  'name' in resource ? resource.name.startsWith('mine') : resource.type === 'ANY';

function guarded(rule: Rule = ownOnly, deciding = decideBy): Promise<Engine> {
  return startEngine({ stores, settings: { 'auto.create.topics.enable': 'true' }, authorize: deciding(rule) });
}

const code = (name: ErrorName) => errorCode(name);
const DENIED = code('TOPIC_AUTHORIZATION_FAILED');

describe('Produce and Fetch', () => {
  it.each([12, 13])('serve the topics of the client beside those of others, by version %i', async (version) => {
    const { client } = await guarded();
    const request = produceRequest(topics.mine, batchOf(['more']), { version });
    const other = produceRequest(topics.hers, batchOf(['more']), { version });
    const { responses } = await client.ask(ApiKey.Produce, version, {
      ...request,
      topicData: [...other.topicData, ...request.topicData],
    });
    expect(responses.map(({ partitionResponses: [one] }) => [one!.errorCode, one!.baseOffset >= 0])).toEqual([
      [DENIED, false],
      [0, true],
    ]);
    const read = fetchRequest(topics.mine, { version });
    const answer = await client.ask(ApiKey.Fetch, version, {
      ...read,
      topics: [...fetchRequest(topics.hers, { version }).topics, ...read.topics],
    });
    const [first, second] = answer.responses.map(({ partitions: [one] }) => one!);
    expect([first!.errorCode, valuesIn(first!.records)[0]]).toEqual([0, 'mine']);
    expect([second!.errorCode, second!.records?.length ?? 0]).toEqual([DENIED, 0]);
  });

  it('wrote and read nothing of the others', async () => {
    const { client } = await startEngine({ stores });
    expect(valuesIn((await fetch(client, topics.hers)).records)).toEqual(['hers']);
  });
});

describe.each([
  ['at once', decideBy],
  ['later', decideLater],
])('with an authorizer that answers %s', (_, deciding) => {
  it('Metadata shows the topics of the client, and says nothing of others', async () => {
    const { client } = await guarded(ownOnly, deciding);
    const all = await client.ask(ApiKey.Metadata, 12, { topics: null });
    expect(all.topics.map(({ name }) => name)).toEqual(['mine']);
    const asked = [...names, 'absent'].map((name) => ({ name }));
    const named = await client.ask(ApiKey.Metadata, 12, {
      topics: asked,
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: true,
    });
    const shown = named.topics.map((one) => [one.name, one.errorCode, one.topicId, one.topicAuthorizedOperations]);
    expect(shown).toEqual([
      ['mine', 0, topics.mine.id, 0b1101_1111_1000],
      ['hers', DENIED, ZERO_UUID, -(2 ** 31)],
      ['absent', DENIED, ZERO_UUID, -(2 ** 31)],
    ]);
    const ids = names.map((name) => ({ name: null, topicId: topics[name].id }));
    const byId = await client.ask(ApiKey.Metadata, 12, { topics: ids });
    expect(byId.topics.map((one) => [one.name, one.errorCode, one.topicId])).toEqual([
      ['mine', 0, topics.mine.id],
      [null, DENIED, topics.hers.id],
    ]);
  });

  it('Metadata creates no topic that the client may not create', async () => {
    const { client } = await guarded((operation) => operation !== 'CREATE', deciding);
    const { topics: found } = await client.ask(ApiKey.Metadata, 12, {
      topics: [{ name: 'mine' }, { name: 'mine-new' }],
    });
    expect(found.map((one) => [one.name, one.errorCode])).toEqual([
      ['mine', 0],
      ['mine-new', DENIED],
    ]);
    const { topics: still } = await client.ask(ApiKey.Metadata, 12, { topics: null });
    expect(still.map(({ name }) => name)).not.toContain('mine-new');
  });

  it('the bit field of operations has what is allowed', async () => {
    const readers = (operation: string) => operation === 'READ' || operation === 'DESCRIBE';
    const { client } = await guarded(readers, deciding);
    const { topics: described } = await client.ask(ApiKey.DescribeTopicPartitions, 0, { topics: [{ name: 'mine' }] });
    expect(described[0]!.topicAuthorizedOperations).toBe((1 << 3) | (1 << 8));
    const cluster = await client.ask(ApiKey.DescribeCluster, 1, { includeClusterAuthorizedOperations: true });
    expect(cluster.clusterAuthorizedOperations).toBe(1 << 8);
    const { groups } = await client.ask(ApiKey.DescribeGroups, 5, { groups: ['g'], includeAuthorizedOperations: true });
    expect(groups[0]!.authorizedOperations).toBe((1 << 3) | (1 << 8));
  });

  it('DeleteTopics tells the name of a topic only to who may see it', async () => {
    const asked = [...names.map((name) => ({ name, topicId: ZERO_UUID })), { name: 'absent', topicId: ZERO_UUID }];
    const ids = names.map((name) => ({ name: null, topicId: topics[name].id }));
    const remove = async (rule: Rule, which: readonly { name: string | null; topicId: string }[]) => {
      const { client } = await guarded(rule, deciding);
      const { responses } = await client.ask(ApiKey.DeleteTopics, 6, { topics: which, timeoutMs: 5_000 });
      return responses.map((one) => [one.name, one.topicId, one.errorCode]);
    };
    const seesMine: Rule = (operation, resource) => operation === 'DESCRIBE' && ownOnly(operation, resource);
    expect(await remove(seesMine, asked)).toEqual([
      ['mine', ZERO_UUID, DENIED],
      ['hers', ZERO_UUID, DENIED],
      ['absent', ZERO_UUID, DENIED],
    ]);
    expect(await remove(seesMine, ids)).toEqual([
      ['mine', topics.mine.id, DENIED],
      [null, topics.hers.id, DENIED],
    ]);
    const seesAll: Rule = (operation) => operation === 'DESCRIBE';
    expect(await remove(seesAll, asked)).toEqual([
      ['mine', ZERO_UUID, DENIED],
      ['hers', ZERO_UUID, DENIED],
      ['absent', ZERO_UUID, code('UNKNOWN_TOPIC_OR_PARTITION')],
    ]);
  });

  it('DeleteTopics and CreateTopics take the right to the cluster for one to every topic', async () => {
    const rule: Rule = (_operation, resource) => resource.type === 'CLUSTER';
    const { client } = await guarded(rule, deciding);
    const { topics: created } = await client.ask(ApiKey.CreateTopics, 7, {
      topics: [{ name: 'fleeting', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 5_000,
    });
    expect(created).toMatchObject([{ errorCode: 0, topicConfigErrorCode: DENIED, configs: [] }]);
    const { responses } = await client.ask(ApiKey.DeleteTopics, 5, { topicNames: ['fleeting'], timeoutMs: 5_000 });
    expect(responses).toMatchObject([{ name: 'fleeting', errorCode: 0 }]);
  });

  it('InitProducerId takes the right to write to one topic', async () => {
    const { client } = await guarded(ownOnly, deciding);
    const request = { transactionalId: null, transactionTimeoutMs: 1 };
    expect(await client.ask(ApiKey.InitProducerId, 4, request)).toMatchObject({ errorCode: 0, producerEpoch: 0 });
  });

  it('offsets are committed, shown and forgotten for the topics of the client', async () => {
    const { client } = await guarded(ownOnly, deciding);
    const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }];
    const commit = await client.ask(ApiKey.OffsetCommit, 9, {
      groupId: 'mine',
      topics: names.map((name) => ({ name, partitions })),
    });
    const errors = (of: readonly { name: string; partitions: readonly { errorCode: number }[] }[]) =>
      of.map(({ name, partitions: [one] }) => [name, one!.errorCode]);
    const expected = [
      ['mine', 0],
      ['hers', DENIED],
    ];
    expect(errors(commit.topics)).toEqual(expected);
    const byId = await client.ask(ApiKey.OffsetCommit, 10, {
      groupId: 'mine',
      topics: names.map((name) => ({ topicId: topics[name].id, partitions })),
    });
    expect(byId.topics.map(({ topicId, partitions: [one] }) => [topicId, one!.errorCode])).toEqual([
      [topics.mine.id, 0],
      [topics.hers.id, DENIED],
    ]);
    const named = names.map((name) => ({ name, partitionIndexes: [0] }));
    const { groups } = await client.ask(ApiKey.OffsetFetch, 9, {
      groups: [
        { groupId: 'mine', topics: named },
        { groupId: 'hers', topics: null },
      ],
    });
    expect(errors(groups[0]!.topics)).toEqual(expected);
    expect(groups[1]).toMatchObject({ errorCode: code('GROUP_AUTHORIZATION_FAILED'), topics: [] });
    const deleted = await client.ask(ApiKey.OffsetDelete, 0, {
      groupId: 'mine',
      topics: names.map((name) => ({ name, partitions: [{ partitionIndex: 0 }] })),
    });
    expect(errors(deleted.topics)).toEqual(expected);
  });

  it('OffsetFetch of all topics leaves out those of others', async () => {
    const { client } = await startEngine({ stores });
    const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }];
    await client.ask(ApiKey.OffsetCommit, 9, {
      groupId: 'mine-all',
      topics: names.map((name) => ({ name, partitions })),
    });
    const own = await guarded(ownOnly, deciding);
    const { groups } = await own.client.ask(ApiKey.OffsetFetch, 9, { groups: [{ groupId: 'mine-all', topics: null }] });
    expect(groups[0]!.topics.map(({ name }) => name)).toEqual(['mine']);
    const { groups: listed } = await own.client.ask(ApiKey.ListGroups, 5, {});
    expect(new Set(listed.map(({ groupId }) => groupId.slice(0, 4)))).toEqual(new Set(['mine']));
  });

  it('a pattern matches only topics that the member may see', async () => {
    const { client } = await guarded(ownOnly, deciding);
    const groupId = `mine-pattern-${deciding.name}`;
    const member = new ConsumerMember(client, groupId, 'm', [], { subscribedTopicRegex: '.*' });
    await expect
      .poll(async () => (await member.heartbeat()).assignment)
      .toMatchObject({
        topicPartitions: [{ topicId: topics.mine.id, partitions: [0] }],
      });
    expect(member.owned).toEqual([`${topics.mine.id} 0`]);
    const refused = new ConsumerMember(client, groupId, 'n', ['mine', 'hers']);
    expect((await refused.heartbeat()).errorCode).toBe(DENIED);
  });

  it('a group is not described to who may not see its topics', async () => {
    const { client } = await startEngine({ stores });
    const groupId = `mine-described-${deciding.name}`;
    const member = new ConsumerMember(client, groupId, 'm', ['mine', 'hers']);
    await expect.poll(async () => (await member.heartbeat()).assignment).not.toBeNull();
    const own = await guarded(ownOnly, deciding);
    const { groups } = await own.client.ask(ApiKey.ConsumerGroupDescribe, 1, {
      groupIds: [groupId, 'hers'],
      includeAuthorizedOperations: false,
    });
    expect(groups.map((one) => [one.errorCode, one.members.length])).toEqual([
      [DENIED, 0],
      [code('GROUP_AUTHORIZATION_FAILED'), 0],
    ]);
  });
});
