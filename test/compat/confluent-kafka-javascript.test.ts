import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { itWritesAndReads } from '../support/client-suite.ts';
import { buildConfluent } from '../support/confluent-build.ts';
import { ConfluentClient } from '../support/confluent-client.ts';
import { have } from '../support/tools.ts';

const T0 = 1_700_000_000_000;

// Whether it can be built has to be known before any test is named.
const build = await buildConfluent();
const HAVE_CONFLUENT = have(
  '@confluentinc/kafka-javascript',
  build.kind === 'built',
  build.kind === 'built' ? '' : `It cannot be built here: ${build.reason}.`,
);

describe.skipIf(!HAVE_CONFLUENT)('@confluentinc/kafka-javascript', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: ConfluentClient;

  beforeAll(async () => {
    if (build.kind === 'missing') throw new Error(build.reason);
    broker = await startBrokerProcess(folder.path);
    client = new ConfluentClient(build.module, broker);
    await client.admin.connect();
  });

  afterAll(async () => {
    await client.admin.disconnect();
    await broker.stop();
    folder.remove();
  });

  itWritesAndReads({
    name: 'confluent',
    codecs: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    // Its binding takes the address of an empty buffer, which is null.
    emptyValue: null,
    broker: () => broker,
    client: () => client,
  });

  describe('admin', () => {
    const topic = 'admin-a';

    it('creates a topic, once, lists and describes it', async () => {
      const topics = [{ topic, numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '1000' }] }];
      expect(await client.admin.createTopics({ topics })).toBe(true);
      expect(await client.admin.createTopics({ topics })).toBe(false);
      expect(await client.admin.listTopics()).toContain(topic);
      const [described] = await client.admin.fetchTopicMetadata({ topics: [topic] });
      expect(described!.partitions).toMatchObject(
        [0, 1].map((partitionId) => ({ partitionErrorCode: 0, partitionId, leader: 0, replicas: [0], isr: [0] })),
      );
    });

    it('is told why a topic cannot be created', async () => {
      const create = (topics: object) => client.admin.createTopics({ topics: [{ topic: 'admin-c', ...topics }] });
      await expect(create({ topic: 'not/allowed' })).rejects.toMatchObject({ errors: [{ code: 17 }] });
      const configEntries = [{ name: 'no.such.config', value: '1' }];
      await expect(create({ configEntries })).rejects.toMatchObject({ errors: [{ code: 40 }] });
      await expect(client.admin.fetchTopicMetadata({ topics: ['not-there'] })).rejects.toMatchObject({ code: 3 });
    });

    it('tells offsets', async () => {
      const messages = [1, 2, 3].map((value) => ({ value: `${value}`, partition: 1, timestamp: String(T0 + value) }));
      await client.send(topic, messages, {});
      const [empty, full] = await client.admin.fetchTopicOffsets(topic);
      expect(empty).toMatchObject({ partition: 0, low: '0', high: '0' });
      expect(full).toMatchObject({ partition: 1, low: '0', high: '3' });
      // Where nothing is as new, it gives the end of the partition, as kafkajs does.
      expect(await client.offsetsAt(topic, T0 + 2)).toEqual(
        new Map([
          [0, 0],
          [1, 1],
        ]),
      );
    });

    it('adds partitions, never takes any', async () => {
      await client.createPartitions(topic, 5);
      const [described] = await client.admin.fetchTopicMetadata({ topics: [topic] });
      expect(described!.partitions).toHaveLength(5);
      await expect(client.createPartitions(topic, 2)).rejects.toMatchObject({ code: 37 });
    });

    it('deletes topics', async () => {
      await client.admin.deleteTopics({ topics: [topic] });
      expect(await client.admin.listTopics()).not.toContain(topic);
      await expect(client.admin.deleteTopics({ topics: [topic] })).rejects.toMatchObject({ code: 3 });
    });
  });

  it('is told of a record that is too large', async () => {
    const large = client.send('confluent-nulls', [{ value: 'x'.repeat(2_000_000) }], {
      'message.max.bytes': 5_000_000,
    });
    await expect(large).rejects.toMatchObject({ code: 10 });
  });

  it('is served without a word of warning', () => {
    expect(broker.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
