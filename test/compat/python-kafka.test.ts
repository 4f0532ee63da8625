import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { itWritesAndReads } from '../support/client-suite.ts';
import { PythonClient, pythonHas } from '../support/python-client.ts';
import { have } from '../support/tools.ts';

const HAVE_PYTHON_KAFKA = have(
  'python3-kafka with all codecs',
  pythonHas(['kafka', 'snappy', 'lz4.frame', 'zstandard']),
  'Install it (apt-get install python3-kafka python3-snappy python3-lz4 python3-zstandard) to run its tests.',
);

describe.skipIf(!HAVE_PYTHON_KAFKA)('python3-kafka', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: PythonClient;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = new PythonClient('kafka_python.py', broker);
  });

  afterAll(async () => {
    await broker.stop();
    folder.remove();
  });

  itWritesAndReads({
    name: 'python-kafka',
    codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    // It came with a later version.
    idempotence: [false],
    broker: () => broker,
    client: () => client,
  });

  describe('admin', () => {
    const topic = 'admin-a';

    it('creates a topic, once, lists and describes it', async () => {
      const wanted = { topic, partitions: 2, configs: { 'retention.ms': '1000' } };
      await client.ask('createTopic', wanted);
      await expect(client.ask('createTopic', wanted)).rejects.toMatchObject({ name: 'TopicAlreadyExistsError' });
      expect(await client.ask('listTopics')).toContain(topic);
      const partition = { error_code: 0, leader: 0, replicas: [0], isr: [0] };
      expect(await client.ask('describeTopic', { topic })).toMatchObject({
        ...{ error_code: 0, topic, is_internal: false },
        partitions: expect.arrayContaining(
          [0, 1].map((id) => expect.objectContaining({ ...partition, partition: id })),
        ),
      });
    });

    it('is told why a topic cannot be created', async () => {
      const create = (fields: object) => client.ask('createTopic', { topic: 'admin-c', partitions: 1, ...fields });
      await expect(create({ topic: 'not/allowed' })).rejects.toMatchObject({ name: 'InvalidTopicError' });
      await expect(create({ partitions: 0 })).rejects.toMatchObject({ name: 'InvalidPartitionsError' });
      const configs = { 'no.such.config': '1' };
      await expect(create({ configs })).rejects.toMatchObject({ name: 'InvalidConfigurationError' });
    });

    it('describes the cluster', async () => {
      expect(await client.ask('describeCluster')).toMatchObject({
        cluster_id: expect.stringMatching(/^[\w-]{22}$/),
        controller_id: 0,
        brokers: [{ node_id: 0, host: broker.host, port: broker.port }],
      });
    });

    it('describes and alters configs', async () => {
      const resource = { type: 'TOPIC', name: topic };
      const before = await client.ask<Record<string, object>>('describeConfigs', resource);
      expect(before['retention.ms']).toEqual({ value: '1000', source: 1 });
      expect(before['max.message.bytes']).toEqual({ value: '1048588', source: 5 });
      // AlterConfigs replaces all of a topic's configs.
      expect(await client.ask('alterConfigs', { ...resource, configs: { 'max.message.bytes': '2000' } })).toEqual([0]);
      const after = await client.ask<Record<string, object>>('describeConfigs', resource);
      expect(after['retention.ms']).toEqual({ value: '604800000', source: 5 });
      expect(after['max.message.bytes']).toEqual({ value: '2000', source: 1 });
      expect(await client.ask('alterConfigs', { ...resource, configs: { 'no.such.config': '1' } })).toEqual([40]);
    });

    it('adds partitions, never takes any', async () => {
      await client.ask('createPartitions', { topic, total: 4 });
      expect(await client.ask('offsets', { topic })).toEqual([0, 1, 2, 3].map(() => [0, 0]));
      const fewer = client.ask('createPartitions', { topic, total: 2 });
      await expect(fewer).rejects.toMatchObject({ name: 'InvalidPartitionsError' });
    });

    it('deletes a topic', async () => {
      await client.ask('deleteTopic', { topic });
      expect(await client.ask('listTopics')).not.toContain(topic);
      await expect(client.ask('deleteTopic', { topic })).rejects.toMatchObject({
        name: 'UnknownTopicOrPartitionError',
      });
    });
  });

  it('is told of a record that is too large', async () => {
    const record = { key: null, value: 'x'.repeat(2_000_000), headers: {}, timestamp: 1 };
    const wanted = { topic: 'python-kafka-nulls', codec: 'none', records: [record], maxRequestBytes: 5_000_000 };
    await expect(client.ask('write', wanted)).rejects.toMatchObject({ name: 'MessageSizeTooLargeError' });
  });

  it('is told of an offset that is out of range', async () => {
    const at = (offset: number) => client.ask('readAt', { topic: 'python-kafka-nulls', partition: 0, offset });
    expect(await at(2)).toEqual(['v']);
    await expect(at(9)).rejects.toMatchObject({ name: 'OffsetOutOfRangeError' });
  });

  it('is served without a word of warning', () => {
    expect(broker.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
