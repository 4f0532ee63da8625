import { beforeAll, describe, expect, it } from 'vitest';
import { SERVED } from '../../lib/broker/served.ts';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { Codec } from '../../lib/records/compression/codec.ts';
import { TOPIC_CONFIGS } from '../../lib/topics/configs/topic-config-table.ts';
import { ApiKey, type RequestInput } from '../../lib/wire/apis.ts';
import { receiveFrame } from '../../lib/wire/frame.ts';
import { ADDRESS, CLUSTER_ID, type Engine, startEngine } from '../support/engine.ts';
import { GROUP_APIS } from '../support/group-apis.ts';
import { fetchOffsets, offsetsIn } from '../support/offset-requests.ts';
import { RawTransactor } from '../support/raw-transactor.ts';
import {
  batchOf,
  createTopic,
  fetchRequest,
  listOffset,
  produceRequest,
  type TopicName,
  valuesIn,
} from '../support/requests.ts';

let engine: Engine;
let topic: TopicName;

beforeAll(async () => {
  engine = await startEngine();
  topic = await createTopic(engine.client, 'versions', { partitions: 2 });
});

/** Every version that is answered. */
function versionsOf(key: ApiKey): number[] {
  const { min, max } = SERVED.get(key)!;
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}

const TESTED = new Set<ApiKey>();

function everyVersion(key: ApiKey, name: string, test: (version: number) => Promise<void>): void {
  TESTED.add(key);
  it.each(versionsOf(key))(`${name} v%i`, test);
}

describe('a request of every version gets its answer', () => {
  everyVersion(ApiKey.Produce, 'Produce', async (version) => {
    const at = await listOffset(engine.client, topic, -1);
    const request = produceRequest(topic, batchOf([`v${version}`, 'second']), { version });
    const answer = await engine.client.ask(ApiKey.Produce, version, request);
    const [response] = answer.responses;
    expect(version >= 13 ? response!.topicId : response!.name).toBe(version >= 13 ? topic.id : topic.name);
    expect(response!.partitionResponses).toMatchObject([
      { index: 0, errorCode: 0, baseOffset: at.offset, logAppendTimeMs: -1, logStartOffset: version >= 5 ? 0 : -1 },
    ]);
    expect((await listOffset(engine.client, topic, -1)).offset).toBe(at.offset + 2);
  });

  everyVersion(ApiKey.Fetch, 'Fetch', async (version) => {
    const { offset } = await listOffset(engine.client, topic, -1);
    await engine.client.ask(ApiKey.Produce, 9, produceRequest(topic, batchOf([`f${version}`], { codec: Codec.lz4 })));
    const answer = await engine.client.ask(ApiKey.Fetch, version, fetchRequest(topic, { version, offset }));
    expect(answer).toMatchObject({ errorCode: 0, sessionId: 0 });
    const [response] = answer.responses;
    expect(version >= 13 ? response!.topicId : response!.topic).toBe(version >= 13 ? topic.id : topic.name);
    expect(response!.partitions).toMatchObject([
      {
        partitionIndex: 0,
        errorCode: 0,
        highWatermark: offset + 1,
        lastStableOffset: offset + 1,
        logStartOffset: version >= 5 ? 0 : -1,
        abortedTransactions: null,
        preferredReadReplica: -1,
      },
    ]);
    expect(valuesIn(response!.partitions[0]!.records)).toEqual([`f${version}`]);
  });

  everyVersion(ApiKey.ListOffsets, 'ListOffsets', async (version) => {
    const earliest = await listOffset(engine.client, topic, -2, { version });
    const epoch = version >= 4 ? 0 : -1;
    expect(earliest).toEqual({ partitionIndex: 0, errorCode: 0, timestamp: -1, offset: 0, leaderEpoch: epoch });
    const latest = await listOffset(engine.client, topic, -1, { version, partition: 1 });
    expect(latest).toEqual({ partitionIndex: 1, errorCode: 0, timestamp: -1, offset: 0, leaderEpoch: epoch });
  });

  everyVersion(ApiKey.Metadata, 'Metadata', async (version) => {
    const answer = await engine.client.ask(ApiKey.Metadata, version, {
      topics: [{ name: topic.name }],
      ...(version >= 4 ? { allowAutoTopicCreation: false } : {}),
      ...(version >= 8 ? { includeTopicAuthorizedOperations: true } : {}),
    });
    expect(answer.brokers).toEqual([{ nodeId: 0, ...ADDRESS, rack: null }]);
    if (version >= 1) expect(answer.controllerId).toBe(0);
    expect(answer.clusterId).toBe(version >= 2 ? CLUSTER_ID : null);
    const partition = { errorCode: 0, leaderId: 0, replicaNodes: [0], isrNodes: [0], offlineReplicas: [] };
    expect(answer.topics).toMatchObject([
      {
        errorCode: 0,
        name: topic.name,
        topicId: version >= 10 ? topic.id : ZERO_UUID,
        isInternal: false,
        partitions: [
          { ...partition, partitionIndex: 0, leaderEpoch: version >= 7 ? 0 : -1 },
          { ...partition, partitionIndex: 1 },
        ],
      },
    ]);
    const operations = answer.topics[0]!.topicAuthorizedOperations;
    // READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS, as bits.
    expect(operations).toBe(version >= 8 ? 0b1101_1111_1000 : -2147483648);
  });

  everyVersion(ApiKey.FindCoordinator, 'FindCoordinator', async (version) => {
    const request: RequestInput<typeof ApiKey.FindCoordinator> =
      version >= 4 ? { keyType: 0, coordinatorKeys: ['g1', 'g2'] } : { key: 'g1' };
    const answer = await engine.client.ask(ApiKey.FindCoordinator, version, request);
    const here = { nodeId: 0, ...ADDRESS, errorCode: 0 };
    if (version < 4) expect(answer).toMatchObject({ ...here, errorMessage: version >= 1 ? 'NONE' : '' });
    else
      expect(answer.coordinators).toMatchObject([
        { key: 'g1', ...here },
        { key: 'g2', ...here },
      ]);
  });

  everyVersion(ApiKey.ApiVersions, 'ApiVersions', async (version) => {
    const answer = await engine.client.ask(ApiKey.ApiVersions, version, {
      ...(version >= 3 ? { clientSoftwareName: 'apache-kafka-java', clientSoftwareVersion: '4.3.0' } : {}),
    });
    expect(answer.errorCode).toBe(0);
    const advertised = [...SERVED].map(([apiKey, { advertisedMin, max }]) => [apiKey, advertisedMin, max]);
    expect(answer.apiKeys.map((one) => [one.apiKey, one.minVersion, one.maxVersion])).toEqual(advertised);
  });

  everyVersion(ApiKey.CreateTopics, 'CreateTopics', async (version) => {
    const name = `created-by-v${version}`;
    const configs = [{ name: 'retention.ms', value: '1000' }];
    const asked = { name, numPartitions: 3, replicationFactor: 2, assignments: [], configs };
    const { topics } = await engine.client.ask(ApiKey.CreateTopics, version, { topics: [asked], timeoutMs: 5000 });
    expect(topics).toMatchObject([{ name, errorCode: 0, errorMessage: null }]);
    const [created] = topics;
    if (version < 5) return;
    expect(created).toMatchObject({ numPartitions: 3, replicationFactor: 2 });
    const described = Object.fromEntries(created!.configs!.map((one) => [one.name, one]));
    expect(Object.keys(described)).toEqual([...TOPIC_CONFIGS.keys()].sort());
    expect(described['retention.ms']).toMatchObject({ value: '1000', readOnly: false, configSource: 1 });
    expect(described['retention.bytes']).toMatchObject({ value: '-1', readOnly: false, configSource: 5 });
    expect(created!.topicId !== ZERO_UUID).toBe(version >= 7);
  });

  everyVersion(ApiKey.DeleteTopics, 'DeleteTopics', async (version) => {
    const { name, id } = await createTopic(engine.client, `deleted-by-v${version}`);
    const request = version >= 6 ? { topics: [{ topicId: id }] } : { topicNames: [name] };
    const { responses } = await engine.client.ask(ApiKey.DeleteTopics, version, { ...request, timeoutMs: 5000 });
    expect(responses).toMatchObject([{ name, topicId: version >= 6 ? id : ZERO_UUID, errorCode: 0 }]);
  });

  everyVersion(ApiKey.InitProducerId, 'InitProducerId', async (version) => {
    const request = { transactionalId: null, transactionTimeoutMs: 60_000 };
    const first = await engine.client.ask(ApiKey.InitProducerId, version, request);
    expect(first).toMatchObject({ errorCode: 0, producerEpoch: 0 });
    const second = await engine.client.ask(ApiKey.InitProducerId, version, request);
    expect(second.producerId).toBe(first.producerId + 1);
  });

  /** A transactional producer with an open transaction. */
  const open = async (version: number) => {
    const transactor = new RawTransactor(engine.client, `every version ${version} ${nextId++}`, { protocol: 1 });
    expect(await transactor.init()).toBe(0);
    expect(await transactor.add(topic)).toEqual([0]);
    return transactor;
  };
  let nextId = 0;

  everyVersion(ApiKey.AddPartitionsToTxn, 'AddPartitionsToTxn', async (version) => {
    const { transactionalId, producerId, producerEpoch } = await open(version);
    const topics = [{ name: topic.name, partitions: [0] }];
    const request =
      version < 4
        ? {
            v3AndBelowTransactionalId: transactionalId,
            v3AndBelowProducerId: producerId,
            v3AndBelowProducerEpoch: producerEpoch,
            v3AndBelowTopics: topics,
          }
        : { transactions: [{ transactionalId, producerId, producerEpoch, verifyOnly: true, topics }] };
    const resultsByPartition = [{ partitionIndex: 0, partitionErrorCode: 0 }];
    const results = [{ name: topic.name, resultsByPartition }];
    expect(await engine.client.ask(ApiKey.AddPartitionsToTxn, version, request)).toMatchObject(
      version < 4
        ? { resultsByTopicV3AndBelow: results }
        : { errorCode: 0, resultsByTransaction: [{ transactionalId, topicResults: results }] },
    );
  });

  everyVersion(ApiKey.AddOffsetsToTxn, 'AddOffsetsToTxn', async (version) => {
    const { transactionalId, producerId, producerEpoch } = await open(version);
    const request = { transactionalId, producerId, producerEpoch, groupId: 'g' };
    expect(await engine.client.ask(ApiKey.AddOffsetsToTxn, version, request)).toMatchObject({ errorCode: 0 });
  });

  everyVersion(ApiKey.TxnOffsetCommit, 'TxnOffsetCommit', async (version) => {
    const transactor = await open(version);
    const groupId = `of version ${version}`;
    expect(await transactor.addOffsets(groupId)).toBe(0);
    expect(await transactor.commitOffsets(groupId, topic, { 0: 7, 1: 9 }, { version })).toEqual([0, 0]);
    expect(await transactor.commit()).toBe(0);
    expect(offsetsIn(await fetchOffsets(engine.client, groupId, topic, [0, 1]))).toEqual([7, 9]);
  });

  everyVersion(ApiKey.EndTxn, 'EndTxn', async (version) => {
    const { transactionalId, producerId, producerEpoch } = await open(version);
    const request = { transactionalId, producerId, producerEpoch, committed: true };
    const next = version < 5 ? { producerId: -1, producerEpoch: -1 } : { producerId, producerEpoch: producerEpoch + 1 };
    expect(await engine.client.ask(ApiKey.EndTxn, version, request)).toMatchObject({ errorCode: 0, ...next });
  });

  everyVersion(ApiKey.WriteTxnMarkers, 'WriteTxnMarkers', async (version) => {
    const topics = [{ name: topic.name, partitionIndexes: [0] }];
    const marker = { producerId: 77_000, producerEpoch: 0, transactionResult: false, coordinatorEpoch: 0, topics };
    const partitions = [{ partitionIndex: 0, errorCode: 0 }];
    expect(await engine.client.ask(ApiKey.WriteTxnMarkers, version, { markers: [marker] })).toEqual({
      markers: [{ producerId: 77_000, topics: [{ name: topic.name, partitions }] }],
    });
  });

  everyVersion(ApiKey.DescribeTransactions, 'DescribeTransactions', async (version) => {
    const { transactionalId, producerId, producerEpoch } = await open(version);
    const answer = await engine.client.ask(ApiKey.DescribeTransactions, version, {
      transactionalIds: [transactionalId],
    });
    const state = { errorCode: 0, transactionalId, transactionState: 'Ongoing', producerId, producerEpoch };
    expect(answer.transactionStates).toMatchObject([{ ...state, topics: [{ topic: topic.name, partitions: [0] }] }]);
  });

  everyVersion(ApiKey.ListTransactions, 'ListTransactions', async (version) => {
    const { transactionalId, producerId } = await open(version);
    const request = { stateFilters: ['Ongoing'], producerIdFilters: [producerId] };
    expect(await engine.client.ask(ApiKey.ListTransactions, version, request)).toMatchObject({
      errorCode: 0,
      transactionStates: [{ transactionalId, producerId, transactionState: 'Ongoing' }],
    });
  });

  everyVersion(ApiKey.OffsetForLeaderEpoch, 'OffsetForLeaderEpoch', async (version) => {
    const { offset } = await listOffset(engine.client, topic, -1);
    const { topics } = await engine.client.ask(ApiKey.OffsetForLeaderEpoch, version, {
      topics: [{ topic: topic.name, partitions: [{ partition: 0, leaderEpoch: 0 }] }],
    });
    const partitions = [{ errorCode: 0, partition: 0, leaderEpoch: 0, endOffset: offset }];
    expect(topics).toEqual([{ topic: topic.name, partitions }]);
  });

  everyVersion(ApiKey.DeleteRecords, 'DeleteRecords', async (version) => {
    const shrunk = await createTopic(engine.client, `shrunk-by-v${version}`);
    await engine.client.ask(ApiKey.Produce, 9, produceRequest(shrunk, batchOf(['a', 'b', 'c'])));
    const { topics } = await engine.client.ask(ApiKey.DeleteRecords, version, {
      topics: [{ name: shrunk.name, partitions: [{ partitionIndex: 0, offset: 2 }] }],
      timeoutMs: 5000,
    });
    const partitions = [{ partitionIndex: 0, lowWatermark: 2, errorCode: 0 }];
    expect(topics).toEqual([{ name: shrunk.name, partitions }]);
    expect((await listOffset(engine.client, shrunk, -2)).offset).toBe(2);
  });

  everyVersion(ApiKey.CreatePartitions, 'CreatePartitions', async (version) => {
    const { name } = await createTopic(engine.client, `grown-by-v${version}`);
    const { results } = await engine.client.ask(ApiKey.CreatePartitions, version, {
      topics: [{ name, count: 4, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    });
    expect(results).toEqual([{ name, errorCode: 0, errorMessage: null }]);
    const { topics } = await engine.client.ask(ApiKey.Metadata, 12, { topics: [{ name }] });
    expect(topics[0]!.partitions).toHaveLength(4);
  });

  everyVersion(ApiKey.DescribeConfigs, 'DescribeConfigs', async (version) => {
    const { results } = await engine.client.ask(ApiKey.DescribeConfigs, version, {
      resources: [{ resourceType: 2, resourceName: topic.name, configurationKeys: ['retention.bytes'] }],
      includeSynonyms: true,
      ...(version >= 3 ? { includeDocumentation: true } : {}),
    });
    expect(results).toMatchObject([{ errorCode: 0, resourceType: 2, resourceName: topic.name }]);
    const synonyms = [{ name: 'log.retention.bytes', value: '-1', source: 5 }];
    const expected = { name: 'retention.bytes', value: '-1', readOnly: false, configSource: 5, synonyms };
    expect(results[0]!.configs).toMatchObject([{ ...expected, configType: version >= 3 ? 5 : 0 }]);
    if (version >= 3) expect(results[0]!.configs[0]!.documentation).toMatch(/kept/);
  });

  everyVersion(ApiKey.AlterConfigs, 'AlterConfigs', async (version) => {
    const { name } = await createTopic(engine.client, `altered-by-v${version}`, { configs: { 'retention.ms': '5' } });
    const configs = [{ name: 'flush.ms', value: '7' }];
    const { responses } = await engine.client.ask(ApiKey.AlterConfigs, version, {
      resources: [{ resourceType: 2, resourceName: name, configs }],
      validateOnly: false,
    });
    expect(responses).toEqual([{ errorCode: 0, errorMessage: null, resourceType: 2, resourceName: name }]);
    expect((await engine.broker.admin.topics.read(name))!.record.configs).toEqual({ 'flush.ms': '7' });
  });

  everyVersion(ApiKey.DescribeLogDirs, 'DescribeLogDirs', async (version) => {
    const answer = await engine.client.ask(ApiKey.DescribeLogDirs, version, {
      topics: [{ topic: topic.name, partitions: [1] }],
    });
    const partitions = [{ partitionIndex: 1, partitionSize: 0, offsetLag: 0, isFutureKey: false }];
    const topics = [{ name: topic.name, partitions }];
    expect(answer.errorCode).toBe(0);
    expect(answer.results).toMatchObject([
      { errorCode: 0, logDir: 'memory', topics, totalBytes: -1, isCordoned: false },
    ]);
  });

  everyVersion(ApiKey.ElectLeaders, 'ElectLeaders', async (version) => {
    const answer = await engine.client.ask(ApiKey.ElectLeaders, version, {
      ...(version >= 1 ? { electionType: 1 } : {}),
      topicPartitions: [{ topic: topic.name, partitions: [0] }],
    });
    expect(answer).toMatchObject({
      errorCode: 0,
      replicaElectionResults: [{ topic: topic.name, partitionResult: [{ partitionId: 0, errorCode: 84 }] }],
    });
  });

  everyVersion(ApiKey.IncrementalAlterConfigs, 'IncrementalAlterConfigs', async (version) => {
    const { name } = await createTopic(engine.client, `changed-by-v${version}`, { configs: { 'retention.ms': '5' } });
    const configs = [{ name: 'flush.ms', configOperation: 0, value: '7' }];
    const { responses } = await engine.client.ask(ApiKey.IncrementalAlterConfigs, version, {
      resources: [{ resourceType: 2, resourceName: name, configs }],
      validateOnly: false,
    });
    expect(responses).toEqual([{ errorCode: 0, errorMessage: null, resourceType: 2, resourceName: name }]);
    const { record } = (await engine.broker.admin.topics.read(name))!;
    expect(record.configs).toEqual({ 'flush.ms': '7', 'retention.ms': '5' });
  });

  everyVersion(ApiKey.ListConfigResources, 'ListConfigResources', async (version) => {
    const request = version >= 1 ? { resourceTypes: [2] } : {};
    const answer = await engine.client.ask(ApiKey.ListConfigResources, version, request);
    expect(answer.errorCode).toBe(0);
    const named = { resourceName: topic.name, resourceType: 2 };
    expect(answer.configResources).toEqual(version >= 1 ? expect.arrayContaining([named]) : []);
  });

  everyVersion(ApiKey.DescribeTopicPartitions, 'DescribeTopicPartitions', async (version) => {
    const answer = await engine.client.ask(ApiKey.DescribeTopicPartitions, version, {
      topics: [{ name: topic.name }],
      responsePartitionLimit: 1,
    });
    const state = { errorCode: 0, leaderId: 0, leaderEpoch: 0, replicaNodes: [0], isrNodes: [0], offlineReplicas: [] };
    const partitions = [{ ...state, partitionIndex: 0, eligibleLeaderReplicas: [], lastKnownElr: [] }];
    const described = { errorCode: 0, name: topic.name, topicId: topic.id, isInternal: false, partitions };
    expect(answer.topics).toEqual([{ ...described, topicAuthorizedOperations: 0b1101_1111_1000 }]);
    expect(answer.nextCursor).toEqual({ topicName: topic.name, partitionIndex: 1 });
  });

  everyVersion(ApiKey.DescribeCluster, 'DescribeCluster', async (version) => {
    const answer = await engine.client.ask(ApiKey.DescribeCluster, version, {
      includeClusterAuthorizedOperations: version === 0,
    });
    expect(answer).toMatchObject({ errorCode: 0, clusterId: CLUSTER_ID, controllerId: 0, endpointType: 1 });
    expect(answer.brokers).toMatchObject([{ brokerId: 0, ...ADDRESS, rack: null, isFenced: false }]);
    expect(answer.clusterAuthorizedOperations > 0).toBe(version === 0);
  });

  everyVersion(ApiKey.DescribeProducers, 'DescribeProducers', async (version) => {
    const { name } = await createTopic(engine.client, `without-producers-${version}`);
    const answer = await engine.client.ask(ApiKey.DescribeProducers, version, {
      topics: [{ name, partitionIndexes: [0] }],
    });
    const partition = { partitionIndex: 0, errorCode: 0, errorMessage: null, activeProducers: [] };
    expect(answer.topics).toEqual([{ name, partitions: [partition] }]);
  });

  everyVersion(ApiKey.AlterPartitionReassignments, 'AlterPartitionReassignments', async (version) => {
    const answer = await engine.client.ask(ApiKey.AlterPartitionReassignments, version, {
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 1, replicas: [0] }] }],
    });
    const partitions = [{ partitionIndex: 1, errorCode: 0, errorMessage: null }];
    expect(answer).toMatchObject({ errorCode: 0, responses: [{ name: topic.name, partitions }] });
  });

  everyVersion(ApiKey.ListPartitionReassignments, 'ListPartitionReassignments', async (version) => {
    const answer = await engine.client.ask(ApiKey.ListPartitionReassignments, version, {});
    expect(answer).toMatchObject({ errorCode: 0, topics: [] });
  });

  everyVersion(ApiKey.DescribeQuorum, 'DescribeQuorum', async (version) => {
    const partitions = [{ partitionIndex: 0 }];
    const answer = await engine.client.ask(ApiKey.DescribeQuorum, version, {
      topics: [{ topicName: '__cluster_metadata', partitions }],
    });
    const leader = { errorCode: 0, leaderId: 0, leaderEpoch: 0, currentVoters: [{ replicaId: 0 }], observers: [] };
    expect(answer).toMatchObject({ errorCode: 0, topics: [{ partitions: [leader] }] });
    expect(answer.nodes).toHaveLength(version >= 2 ? 1 : 0);
  });

  everyVersion(ApiKey.UpdateFeatures, 'UpdateFeatures', async (version) => {
    const answer = await engine.client.ask(ApiKey.UpdateFeatures, version, { featureUpdates: [] });
    expect(answer).toMatchObject({ errorCode: 0, errorMessage: null, results: [] });
  });

  it('leaves no API out', () => {
    expect([...TESTED, ...GROUP_APIS].sort()).toEqual([...SERVED.keys()].sort());
  });
});

describe('what is not served', () => {
  it('closes the connection on versions around the served ones', async () => {
    for (const [key, { min, max }] of SERVED) {
      if (key === ApiKey.ApiVersions) continue;
      for (const version of [min - 1, max + 1]) {
        const frame = Buffer.alloc(64);
        frame.writeInt16BE(key, 0);
        frame.writeInt16BE(version, 2);
        frame.writeInt32BE(7, 4);
        const outcome = await engine.handleFrame(receiveFrame(frame), context());
        expect(outcome).toEqual({ kind: 'close', reason: `version ${version} of API key ${key} is not served` });
      }
    }
  });

  it('answers an ApiVersions request of an unknown version with what there is, in version 0', async () => {
    const frame = Buffer.alloc(64);
    frame.writeInt16BE(ApiKey.ApiVersions, 0);
    frame.writeInt16BE(99, 2);
    frame.writeInt32BE(7, 4);
    const outcome = await engine.handleFrame(receiveFrame(frame), context());
    if (outcome.kind !== 'answer') throw new Error(outcome.kind);
    const answer = Buffer.concat(outcome.chunks).subarray(4);
    expect(answer.readInt32BE(0)).toBe(7);
    expect(answer.readInt16BE(4)).toBe(35);
    expect(answer.readInt32BE(6)).toBe(SERVED.size);
    expect(answer.length).toBe(10 + SERVED.size * 6);
  });

  it.each([-1, 4, 7, 56, 93, 500, 32767])('closes the connection on API key %i', async (key) => {
    const frame = Buffer.alloc(64);
    frame.writeInt16BE(key, 0);
    const outcome = await engine.handleFrame(receiveFrame(frame), context());
    expect(outcome).toEqual({ kind: 'close', reason: expect.stringContaining(`API key ${key}`) });
  });
});

function context() {
  return {
    principal: 'User:ANONYMOUS' as const,
    clientId: '',
    host: '127.0.0.1',
    listener: 'PLAINTEXT',
    deadline: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
  };
}
