import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { itWritesAndReads } from '../support/client-suite.ts';
import { PythonClient, pythonHas } from '../support/python-client.ts';
import { have } from '../support/tools.ts';

const HAVE_CONFLUENT_KAFKA = have(
  'python3-confluent-kafka',
  pythonHas(['confluent_kafka']),
  'Install it (apt-get install python3-confluent-kafka) to run its tests.',
);

/** What librdkafka makes of OFFSET_OUT_OF_RANGE where it may not go elsewhere. */
const AUTO_OFFSET_RESET = -140;

describe.skipIf(!HAVE_CONFLUENT_KAFKA)('python3-confluent-kafka', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: PythonClient;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = new PythonClient('confluent_python.py', broker);
  });

  afterAll(async () => {
    await broker.stop();
    folder.remove();
  });

  itWritesAndReads({
    name: 'python-confluent',
    codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    broker: () => broker,
    client: () => client,
  });

  describe('admin', () => {
    const topic = 'admin-a';

    it('creates a topic, once, lists and describes it', async () => {
      const wanted = { topic, partitions: 2, configs: { 'retention.ms': '1000' } };
      await client.ask('createTopic', wanted);
      await expect(client.ask('createTopic', wanted)).rejects.toMatchObject({ code: 36 });
      expect(await client.ask('listTopics')).toContain(topic);
      expect(await client.ask('describeTopic', { topic })).toEqual(
        [0, 1].map((partition) => ({ partition, leader: 0, replicas: [0], isr: [0] })),
      );
    });

    it('is told why a topic cannot be created', async () => {
      const create = (fields: object) => client.ask('createTopic', { topic: 'admin-c', partitions: 1, ...fields });
      await expect(create({ topic: 'not/allowed' })).rejects.toMatchObject({ code: 17 });
      await expect(create({ configs: { 'no.such.config': '1' } })).rejects.toMatchObject({ code: 40 });
    });

    it('describes the cluster', async () => {
      expect(await client.ask('describeCluster')).toEqual({
        id: expect.stringMatching(/^[\w-]{22}$/),
        controller: 0,
        brokers: [{ id: 0, host: broker.host, port: broker.port }],
      });
    });

    it('describes and alters configs', async () => {
      const resource = { type: 'topic', name: topic };
      const before = await client.ask<Record<string, object>>('describeConfigs', resource);
      expect(before['retention.ms']).toEqual({ value: '1000', source: 1 });
      expect(before['max.message.bytes']).toEqual({ value: '1048588', source: 5 });
      // AlterConfigs replaces all of a topic's configs.
      await client.ask('alterConfigs', { ...resource, configs: { 'max.message.bytes': '2000' } });
      const after = await client.ask<Record<string, object>>('describeConfigs', resource);
      expect(after['retention.ms']).toEqual({ value: '604800000', source: 5 });
      expect(after['max.message.bytes']).toEqual({ value: '2000', source: 1 });
      const unknown = { ...resource, configs: { 'no.such.config': '1' } };
      await expect(client.ask('alterConfigs', unknown)).rejects.toMatchObject({ code: 40 });
      const broker0 = await client.ask<Record<string, object>>('describeConfigs', { type: 'broker', name: '0' });
      expect(Object.keys(broker0).length).toBeGreaterThan(0);
    });

    it('adds partitions, never takes any', async () => {
      await client.ask('createPartitions', { topic, total: 4 });
      expect(await client.ask('offsets', { topic })).toEqual([0, 1, 2, 3].map(() => [0, 0]));
      await expect(client.ask('createPartitions', { topic, total: 2 })).rejects.toMatchObject({ code: 37 });
    });

    it('deletes a topic', async () => {
      await client.ask('deleteTopic', { topic });
      expect(await client.ask('listTopics')).not.toContain(topic);
      await expect(client.ask('deleteTopic', { topic })).rejects.toMatchObject({ code: 3 });
    });
  });

  it('is told of a record that is too large', async () => {
    const record = { key: null, value: 'x'.repeat(2_000_000), headers: {}, timestamp: 1 };
    const wanted = { topic: 'python-confluent-nulls', codec: 'none', idempotent: false, maxRequestBytes: 5_000_000 };
    await expect(client.ask('write', { ...wanted, records: [record] })).rejects.toMatchObject({ code: 10 });
  });

  it('is told of an offset that is out of range', async () => {
    const at = (offset: number) => client.ask('readAt', { topic: 'python-confluent-nulls', partition: 0, offset });
    expect(await at(2)).toEqual(['v']);
    await expect(at(9)).rejects.toMatchObject({ code: AUTO_OFFSET_RESET });
  });

  it('is served without a word of warning', () => {
    expect(broker.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
