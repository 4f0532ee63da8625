import { beforeEach, describe, expect, it } from 'vitest';
import type { Access, Authorize } from '../../lib/auth/authorize.ts';
import { SERVED } from '../../lib/broker/served.ts';
import { type ErrorName, errorCode } from '../../lib/core/errors.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import type { MemoryStores } from '../../lib/storage/memory/memory-stores.ts';
import { ApiKey, type RequestInput } from '../../lib/wire/apis.ts';
import { decideBy, decideLater } from '../support/authorizer.ts';
import { joining } from '../support/consumer-member.ts';
import { type Engine, emptyStores, startEngine } from '../support/engine.ts';
import { batchOf, createTopic, fetchRequest, produceRequest, type TopicName } from '../support/requests.ts';

let stores: MemoryStores;
let mine: TopicName;

beforeEach(async () => {
  stores = emptyStores();
  const { client } = await startEngine({ stores });
  mine = await createTopic(client, 'mine');
});

/** A process that has read nothing yet, with its authorizer: whatever it looks up is a call to the store. */
async function guarded(authorize: Authorize): Promise<Engine & { questions: Asked[] }> {
  const questions: Asked[] = [];
  const engine: Engine = await startEngine({
    stores,
    authorize: (context, accesses) => {
      questions.push({ accesses: accesses.map(worded), callsBefore: engine.meter.counts() });
      return authorize(context, accesses);
    },
  });
  engine.meter.reset();
  return Object.assign(engine, { questions });
}

interface Asked {
  readonly accesses: readonly string[];
  /** The store calls that were made before the question. */
  readonly callsBefore: unknown;
}

/** 'READ TOPIC mine', 'CREATE CLUSTER', 'DESCRIBE ANY TOPIC'. */
function worded({ operation, resource }: Access): string {
  const { type } = resource;
  const which = type === 'ANY' ? ` ${resource.of}` : 'name' in resource ? ` ${resource.name}` : '';
  return `${operation} ${type}${which}`;
}

interface Case<Key extends ApiKey = ApiKey> {
  readonly api: string;
  readonly key: Key;
  readonly version: number;
  readonly request: () => RequestInput<Key>;
  /** What the answer to a request without any right must match. */
  readonly denied: () => object;
  readonly question: readonly string[];
  /** Store calls before the question: topics that are named by id have to be found first. */
  readonly callsBefore?: object;
}

const CASES: Case[] = [];

function api<Key extends ApiKey>(
  api: string,
  key: Key,
  version: number,
  rest: Omit<Case<Key>, 'api' | 'key' | 'version'>,
) {
  CASES.push({ api, key, version, ...rest } as unknown as Case);
}

const failed = (name: ErrorName) => ({ errorCode: errorCode(name) });
const noTopic = failed('TOPIC_AUTHORIZATION_FAILED');
const noGroup = failed('GROUP_AUTHORIZATION_FAILED');
const noCluster = failed('CLUSTER_AUTHORIZATION_FAILED');
const ALL_OF_A_TOPIC = 'READ WRITE CREATE DELETE ALTER DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS'.split(' ');
const ALL_OF_A_GROUP = 'READ DELETE DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS'.split(' ');
const ALL_OF_THE_CLUSTER = 'CREATE ALTER DESCRIBE CLUSTER_ACTION DESCRIBE_CONFIGS ALTER_CONFIGS IDEMPOTENT_WRITE'.split(
  ' ',
);
const on = (operations: readonly string[], resource: string) => operations.map((one) => `${one} ${resource}`);

api('Produce', ApiKey.Produce, 12, {
  request: () => produceRequest(mine, batchOf(['v'])),
  denied: () => ({ responses: [{ name: 'mine', partitionResponses: [noTopic] }] }),
  question: ['WRITE TOPIC mine'],
});
api('Fetch', ApiKey.Fetch, 12, {
  request: () => fetchRequest(mine),
  denied: () => ({ responses: [{ topic: 'mine', partitions: [noTopic] }] }),
  question: ['READ TOPIC mine'],
});
api('ListOffsets', ApiKey.ListOffsets, 7, {
  request: () => ({ replicaId: -1, topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }),
  denied: () => ({ topics: [{ name: 'mine', partitions: [noTopic] }] }),
  question: ['DESCRIBE TOPIC mine'],
});
api('Metadata', ApiKey.Metadata, 9, {
  request: () => ({
    topics: [{ name: 'mine' }],
    includeTopicAuthorizedOperations: true,
    includeClusterAuthorizedOperations: true,
  }),
  denied: () => ({ topics: [{ ...noTopic, name: 'mine', partitions: [] }], clusterAuthorizedOperations: 0 }),
  question: [
    ...on(ALL_OF_A_TOPIC, 'TOPIC mine'),
    'CREATE TOPIC mine',
    'CREATE CLUSTER',
    ...on(ALL_OF_THE_CLUSTER, 'CLUSTER'),
  ],
});
api('Metadata of all topics', ApiKey.Metadata, 12, {
  request: () => ({ topics: null }),
  denied: () => ({ topics: [] }),
  question: ['DESCRIBE ANY TOPIC'],
});
api('Metadata by id', ApiKey.Metadata, 12, {
  request: () => ({ topics: [{ name: null, topicId: mine.id }], allowAutoTopicCreation: false }),
  denied: () => ({ topics: [{ ...noTopic, name: null, topicId: mine.id }] }),
  question: ['DESCRIBE TOPIC mine'],
  callsBefore: { 'state.get': 1 },
});
api('OffsetCommit', ApiKey.OffsetCommit, 9, {
  request: () => ({
    groupId: 'g',
    topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
  }),
  denied: () => ({ topics: [{ name: 'mine', partitions: [noGroup] }] }),
  question: ['READ GROUP g', 'READ TOPIC mine'],
});
api('OffsetCommit by id', ApiKey.OffsetCommit, 10, {
  request: () => ({
    groupId: 'g',
    topics: [{ topicId: mine.id, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
  }),
  denied: () => ({ topics: [{ topicId: mine.id, partitions: [noGroup] }] }),
  question: ['READ GROUP g', 'READ TOPIC mine'],
  callsBefore: { 'state.get': 1 },
});
api('OffsetFetch', ApiKey.OffsetFetch, 8, {
  request: () => ({
    groups: [
      { groupId: 'g', topics: [{ name: 'mine', partitionIndexes: [0] }] },
      { groupId: 'h', topics: null },
    ],
  }),
  denied: () => ({
    groups: [
      { groupId: 'g', ...noGroup },
      { groupId: 'h', ...noGroup },
    ],
  }),
  question: ['DESCRIBE GROUP g', 'DESCRIBE GROUP h', 'DESCRIBE TOPIC mine', 'DESCRIBE ANY TOPIC'],
});
api('OffsetFetch by id', ApiKey.OffsetFetch, 10, {
  request: () => ({ groups: [{ groupId: 'g', topics: [{ topicId: mine.id, partitionIndexes: [0] }] }] }),
  denied: () => ({ groups: [{ groupId: 'g', ...noGroup }] }),
  question: ['DESCRIBE GROUP g', 'DESCRIBE TOPIC mine'],
  callsBefore: { 'state.get': 1 },
});
api('FindCoordinator', ApiKey.FindCoordinator, 4, {
  request: () => ({ keyType: 0, coordinatorKeys: ['g', 'h'] }),
  denied: () => ({
    coordinators: [
      { key: 'g', ...noGroup },
      { key: 'h', ...noGroup },
    ],
  }),
  question: ['DESCRIBE GROUP g', 'DESCRIBE GROUP h'],
});
api('FindCoordinator of a transaction', ApiKey.FindCoordinator, 3, {
  request: () => ({ keyType: 1, key: 'tx' }),
  denied: () => failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
  question: ['DESCRIBE TRANSACTIONAL_ID tx'],
});
api('JoinGroup', ApiKey.JoinGroup, 5, {
  request: () => ({
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
  }),
  denied: () => noGroup,
  question: ['READ GROUP g'],
});
api('Heartbeat', ApiKey.Heartbeat, 4, {
  request: () => ({ groupId: 'g', generationId: 1, memberId: 'm' }),
  denied: () => noGroup,
  question: ['READ GROUP g'],
});
api('LeaveGroup', ApiKey.LeaveGroup, 5, {
  request: () => ({ groupId: 'g', members: [{ memberId: 'm' }] }),
  denied: () => noGroup,
  question: ['READ GROUP g'],
});
api('SyncGroup', ApiKey.SyncGroup, 3, {
  request: () => ({ groupId: 'g', generationId: 1, memberId: 'm', assignments: [] }),
  denied: () => noGroup,
  question: ['READ GROUP g'],
});
api('DescribeGroups', ApiKey.DescribeGroups, 5, {
  request: () => ({ groups: ['g', 'g'], includeAuthorizedOperations: true }),
  denied: () => ({
    groups: [
      { groupId: 'g', ...noGroup },
      { groupId: 'g', ...noGroup },
    ],
  }),
  question: on(ALL_OF_A_GROUP, 'GROUP g'),
});
api('ListGroups', ApiKey.ListGroups, 5, {
  request: () => ({}),
  denied: () => ({ errorCode: 0, groups: [] }),
  question: ['DESCRIBE CLUSTER', 'DESCRIBE ANY GROUP'],
});
api('CreateTopics', ApiKey.CreateTopics, 7, {
  request: () => ({
    topics: [{ name: 'new', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    timeoutMs: 5_000,
  }),
  denied: () => ({ topics: [{ name: 'new', ...noTopic, errorMessage: 'Authorization failed.' }] }),
  question: ['CREATE CLUSTER', 'CREATE TOPIC new', 'DESCRIBE_CONFIGS TOPIC new'],
});
api('DeleteTopics', ApiKey.DeleteTopics, 6, {
  request: () => ({ topics: [{ name: 'mine', topicId: ZERO_UUID }], timeoutMs: 5_000 }),
  denied: () => ({ responses: [{ name: 'mine', topicId: ZERO_UUID, ...noTopic }] }),
  question: ['DELETE CLUSTER', 'DESCRIBE TOPIC mine', 'DELETE TOPIC mine'],
});
api('DeleteTopics by id', ApiKey.DeleteTopics, 6, {
  request: () => ({ topics: [{ name: null, topicId: mine.id }], timeoutMs: 5_000 }),
  denied: () => ({ responses: [{ name: null, topicId: mine.id, ...noTopic }] }),
  question: ['DELETE CLUSTER', 'DESCRIBE TOPIC mine', 'DELETE TOPIC mine'],
  callsBefore: { 'state.get': 1 },
});
api('DeleteRecords', ApiKey.DeleteRecords, 2, {
  request: () => ({
    topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, offset: 0 }] }],
    timeoutMs: 5_000,
  }),
  denied: () => ({ topics: [{ name: 'mine', partitions: [{ ...noTopic, lowWatermark: -1 }] }] }),
  question: ['DELETE TOPIC mine'],
});
api('InitProducerId', ApiKey.InitProducerId, 4, {
  request: () => ({ transactionalId: null, transactionTimeoutMs: 1 }),
  denied: () => noCluster,
  question: ['IDEMPOTENT_WRITE CLUSTER', 'WRITE ANY TOPIC'],
});
api('InitProducerId of a transaction', ApiKey.InitProducerId, 4, {
  request: () => ({ transactionalId: 'tx', transactionTimeoutMs: 1 }),
  denied: () => failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
  question: ['WRITE TRANSACTIONAL_ID tx'],
});
api('AddPartitionsToTxn', ApiKey.AddPartitionsToTxn, 3, {
  request: () => ({
    v3AndBelowTransactionalId: 'tx',
    v3AndBelowProducerId: 1,
    v3AndBelowProducerEpoch: 0,
    v3AndBelowTopics: [{ name: 'mine', partitions: [0] }],
  }),
  denied: () => ({
    resultsByTopicV3AndBelow: [
      {
        name: 'mine',
        resultsByPartition: [
          { partitionIndex: 0, partitionErrorCode: errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED') },
        ],
      },
    ],
  }),
  question: ['WRITE TRANSACTIONAL_ID tx', 'WRITE TOPIC mine'],
});
api('AddPartitionsToTxn of a broker', ApiKey.AddPartitionsToTxn, 5, {
  request: () => ({
    transactions: [{ transactionalId: 'tx', producerId: 1, producerEpoch: 0, verifyOnly: true, topics: [] }],
  }),
  denied: () => failed('CLUSTER_AUTHORIZATION_FAILED'),
  question: ['CLUSTER_ACTION CLUSTER'],
});
api('AddOffsetsToTxn', ApiKey.AddOffsetsToTxn, 4, {
  request: () => ({ transactionalId: 'tx', producerId: 1, producerEpoch: 0, groupId: 'g' }),
  denied: () => failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
  question: ['WRITE TRANSACTIONAL_ID tx', 'READ GROUP g'],
});
api('TxnOffsetCommit', ApiKey.TxnOffsetCommit, 5, {
  request: () => ({
    ...{ transactionalId: 'tx', producerId: 1, producerEpoch: 0, groupId: 'g' },
    topics: [
      { name: 'mine', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] },
      { name: 'empty', partitions: [] },
    ],
  }),
  denied: () => ({
    topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, ...failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED') }] }],
  }),
  question: ['WRITE TRANSACTIONAL_ID tx', 'READ GROUP g', 'READ TOPIC mine', 'READ TOPIC empty'],
});
api('EndTxn', ApiKey.EndTxn, 5, {
  request: () => ({ transactionalId: 'tx', producerId: 1, producerEpoch: 0, committed: true }),
  denied: () => failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'),
  question: ['WRITE TRANSACTIONAL_ID tx'],
});
api('WriteTxnMarkers', ApiKey.WriteTxnMarkers, 1, {
  request: () => ({
    markers: [
      {
        ...{ producerId: 1, producerEpoch: 0, transactionResult: false, coordinatorEpoch: 0 },
        topics: [{ name: 'mine', partitionIndexes: [0] }],
      },
    ],
  }),
  denied: () => ({
    markers: [{ producerId: 1, topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, ...noCluster }] }] }],
  }),
  question: ['ALTER CLUSTER', 'CLUSTER_ACTION CLUSTER'],
});
api('DescribeTransactions', ApiKey.DescribeTransactions, 0, {
  request: () => ({ transactionalIds: ['tx'] }),
  denied: () => ({
    transactionStates: [{ ...failed('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'), transactionalId: 'tx' }],
  }),
  question: ['DESCRIBE TRANSACTIONAL_ID tx', 'DESCRIBE ANY TOPIC'],
});
api('ListTransactions', ApiKey.ListTransactions, 2, {
  request: () => ({ stateFilters: [], producerIdFilters: [] }),
  denied: () => ({ errorCode: 0, transactionStates: [] }),
  question: ['DESCRIBE ANY TRANSACTIONAL_ID'],
});
api('OffsetForLeaderEpoch', ApiKey.OffsetForLeaderEpoch, 4, {
  request: () => ({ topics: [{ topic: 'mine', partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
  denied: () => ({ topics: [{ topic: 'mine', partitions: [noTopic] }] }),
  question: ['DESCRIBE TOPIC mine'],
});
api('DescribeConfigs', ApiKey.DescribeConfigs, 4, {
  request: () => ({
    resources: [
      { resourceType: 2, resourceName: 'mine', configurationKeys: null },
      { resourceType: 4, resourceName: '0', configurationKeys: null },
      { resourceType: 32, resourceName: 'g', configurationKeys: null },
    ],
  }),
  denied: () => ({ results: [noTopic, noCluster, noGroup] }),
  question: ['DESCRIBE_CONFIGS TOPIC mine', 'DESCRIBE_CONFIGS CLUSTER', 'DESCRIBE_CONFIGS GROUP g'],
});
for (const [name, key] of [
  ['AlterConfigs', ApiKey.AlterConfigs],
  ['IncrementalAlterConfigs', ApiKey.IncrementalAlterConfigs],
] as const) {
  api(name, key, 1, {
    request: () => ({
      resources: [
        { resourceType: 2, resourceName: 'mine', configs: [{ name: 'flush.ms', value: '1' }] },
        { resourceType: 4, resourceName: '0', configs: [{ name: 'flush.ms', value: '1' }] },
      ],
      validateOnly: true,
    }),
    denied: () => ({ responses: [noTopic, noCluster] }),
    question: ['ALTER_CONFIGS TOPIC mine', 'ALTER_CONFIGS CLUSTER'],
  });
}
api('DescribeLogDirs', ApiKey.DescribeLogDirs, 4, {
  request: () => ({ topics: null }),
  denied: () => ({ ...noCluster, results: [] }),
  question: ['DESCRIBE CLUSTER'],
});
api('CreatePartitions', ApiKey.CreatePartitions, 3, {
  request: () => ({
    topics: [{ name: 'mine', count: 2, assignments: null }],
    timeoutMs: 5_000,
    validateOnly: true,
  }),
  denied: () => ({ results: [{ name: 'mine', ...noTopic }] }),
  question: ['ALTER TOPIC mine'],
});
api('DeleteGroups', ApiKey.DeleteGroups, 2, {
  request: () => ({ groupsNames: ['g', 'h'] }),
  denied: () => ({
    results: [
      { groupId: 'g', ...noGroup },
      { groupId: 'h', ...noGroup },
    ],
  }),
  question: ['DELETE GROUP g', 'DELETE GROUP h'],
});
api('ElectLeaders', ApiKey.ElectLeaders, 2, {
  request: () => ({ electionType: 0, topicPartitions: [{ topic: 'mine', partitions: [0] }] }),
  denied: () => ({ ...noCluster, replicaElectionResults: [{ topic: 'mine', partitionResult: [noCluster] }] }),
  question: ['ALTER CLUSTER'],
});
api('AlterPartitionReassignments', ApiKey.AlterPartitionReassignments, 0, {
  request: () => ({ topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, replicas: [0] }] }] }),
  denied: () => ({ ...noCluster, responses: [] }),
  question: ['ALTER CLUSTER'],
});
api('ListPartitionReassignments', ApiKey.ListPartitionReassignments, 0, {
  request: () => ({}),
  denied: () => ({ ...noCluster, topics: [] }),
  question: ['DESCRIBE CLUSTER'],
});
api('OffsetDelete', ApiKey.OffsetDelete, 0, {
  request: () => ({ groupId: 'g', topics: [{ name: 'mine', partitions: [{ partitionIndex: 0 }] }] }),
  denied: () => ({ ...noGroup, topics: [] }),
  question: ['DELETE GROUP g', 'READ TOPIC mine'],
});
api('DescribeQuorum', ApiKey.DescribeQuorum, 2, {
  request: () => ({ topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }),
  denied: () => ({ ...noCluster, topics: [] }),
  question: ['DESCRIBE CLUSTER'],
});
api('UpdateFeatures', ApiKey.UpdateFeatures, 1, {
  request: () => ({ featureUpdates: [] }),
  denied: () => noCluster,
  question: ['ALTER CLUSTER'],
});
api('DescribeCluster', ApiKey.DescribeCluster, 1, {
  request: () => ({ includeClusterAuthorizedOperations: true }),
  // Anybody may see the nodes, as in Kafka.
  denied: () => ({ errorCode: 0, clusterAuthorizedOperations: 0, brokers: [{ brokerId: 0 }] }),
  question: on(ALL_OF_THE_CLUSTER, 'CLUSTER'),
});
api('DescribeProducers', ApiKey.DescribeProducers, 0, {
  request: () => ({ topics: [{ name: 'mine', partitionIndexes: [0] }] }),
  denied: () => ({ topics: [{ name: 'mine', partitions: [{ partitionIndex: 0, ...noTopic, activeProducers: [] }] }] }),
  question: ['READ TOPIC mine'],
});
api('ConsumerGroupHeartbeat', ApiKey.ConsumerGroupHeartbeat, 1, {
  request: () => joining('g', 'm', ['mine']),
  denied: () => noGroup,
  question: ['READ GROUP g', 'DESCRIBE TOPIC mine', 'DESCRIBE ANY TOPIC'],
});
api('ConsumerGroupDescribe', ApiKey.ConsumerGroupDescribe, 1, {
  request: () => ({ groupIds: ['g'], includeAuthorizedOperations: false }),
  denied: () => ({ groups: [{ groupId: 'g', ...noGroup }] }),
  question: ['DESCRIBE GROUP g', 'DESCRIBE ANY TOPIC'],
});
api('ListConfigResources', ApiKey.ListConfigResources, 1, {
  request: () => ({ resourceTypes: [] }),
  denied: () => ({ ...noCluster, configResources: [] }),
  question: ['DESCRIBE_CONFIGS CLUSTER'],
});
api('DescribeTopicPartitions', ApiKey.DescribeTopicPartitions, 0, {
  request: () => ({ topics: [{ name: 'mine' }] }),
  denied: () => ({ topics: [{ ...noTopic, name: 'mine', topicId: ZERO_UUID, partitions: [] }] }),
  question: on(ALL_OF_A_TOPIC, 'TOPIC mine'),
});
api('DescribeTopicPartitions of all topics', ApiKey.DescribeTopicPartitions, 0, {
  request: () => ({ topics: [] }),
  denied: () => ({ topics: [] }),
  question: on(ALL_OF_A_TOPIC, 'ANY TOPIC'),
});

/** APIs that list what is there: the list is read, and nothing of it is shown. */
const LISTING: readonly string[] = ['Metadata of all topics', 'ListGroups', 'DescribeTopicPartitions of all topics'];

describe.each([
  ['at once', decideBy],
  ['later', decideLater],
])('an authorizer that answers %s', (_, deciding) => {
  it.each(CASES)('refuses $api without a look at the store', async (one) => {
    const { client, meter } = await guarded(deciding(() => false));
    expect(await client.ask(one.key, one.version, one.request())).toMatchObject(one.denied());
    if (!LISTING.includes(one.api)) expect(meter.counts()).toEqual(one.callsBefore ?? {});
  });

  it.each(CASES)('is asked by $api once, before anything is looked up', async (one) => {
    const { client, questions } = await guarded(deciding(() => true));
    await client.ask(one.key, one.version, one.request());
    const { question, callsBefore = {} } = one;
    expect(questions).toEqual([{ accesses: question, callsBefore }]);
  });
});

it('every API asks, other than ApiVersions, which comes before anybody is known', () => {
  const asking = new Set<ApiKey>([...CASES.map(({ key }) => key), ApiKey.ApiVersions]);
  expect([...asking].sort()).toEqual([...SERVED.keys()].sort());
});
