import type { Admin, Kafka } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodecName } from '../../lib/records/compression/codec.ts';
import { partitionForKey } from '../../lib/records/murmur2.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { CompressionTypes, kafkajsClient, kafkajsHasZstd, kafkajsRead } from '../support/kafkajs-client.ts';
import { codecsOf, storedBatches } from '../support/stored-batches.ts';
import { have } from '../support/tools.ts';

const RECORDS = 10_000;
const PER_REQUEST = 1_000;
const PARTITIONS = 3;
const T0 = 1_700_000_000_000;

const CODECS: [CodecName, CompressionTypes][] = [
  ['none', CompressionTypes.None],
  ['gzip', CompressionTypes.GZIP],
  ['snappy', CompressionTypes.Snappy],
  ['lz4', CompressionTypes.LZ4],
];
const HAVE_ZSTD = have('zstd in Node', kafkajsHasZstd, 'Run on Node 22.15 or later to test kafkajs with zstd.');
if (HAVE_ZSTD) CODECS.push(['zstd', CompressionTypes.ZSTD]);

const messages = Array.from({ length: RECORDS }, (_, index) => {
  const key = `key-${(index * 7919) % 1000}`;
  return {
    key,
    value: `value ${index} ${'é'.repeat(index % 20)}`,
    headers: { index: String(index), from: 'kafkajs' },
    timestamp: String(T0 + index),
  };
});

function expectedIn(partition: number) {
  return messages
    .filter(({ key }) => partitionForKey(Buffer.from(key), PARTITIONS) === partition)
    .map(({ timestamp, ...rest }) => ({ ...rest, timestamp: Number(timestamp) }));
}

describe('kafkajs', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let kafka: Kafka;
  let admin: Admin;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    kafka = kafkajsClient(broker);
    admin = kafka.admin();
    await admin.connect();
  });

  afterAll(async () => {
    await admin.disconnect();
    await broker.stop();
    folder.remove();
  });

  async function write(topic: string, compression: number, idempotent: boolean): Promise<void> {
    const producer = kafka.producer({ idempotent, ...(idempotent ? { maxInFlightRequests: 1 } : {}) });
    await producer.connect();
    for (let start = 0; start < RECORDS; start += PER_REQUEST) {
      const sent = await producer.send({ topic, compression, messages: messages.slice(start, start + PER_REQUEST) });
      expect(sent.every(({ errorCode }) => errorCode === 0)).toBe(true);
    }
    await producer.disconnect();
  }

  describe.each(CODECS)('with %s', (codec, compression) => {
    it.each([false, true])('writes 10,000 records and reads exactly those (idempotence: %s)', async (idempotent) => {
      const topic = `kafkajs-${codec}-${idempotent}`;
      await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }] });
      await write(topic, compression, idempotent);
      const read = await kafkajsRead(broker, topic);
      expect(read).toHaveLength(RECORDS);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const own = read.filter((record) => record.partition === partition);
        expect(own.map(({ offset }) => offset)).toEqual(own.map((_, index) => index));
        const there = own.map(({ key, value, headers, timestamp }) => ({ key, value, headers, timestamp }));
        expect(there).toEqual(expectedIn(partition));

        const stored = await storedBatches(broker, topic, partition);
        expect(codecsOf(stored)).toEqual([codec]);
        expect(stored.values).toEqual(own.map(({ value }) => value));
        expect([...stored.producerIds].every((id) => (idempotent ? id >= 0 : id === -1))).toBe(true);
      }
    });
  });

  it('reads on from an offset and from a timestamp', async () => {
    const topic = 'kafkajs-gzip-true';
    const all = await kafkajsRead(broker, topic);
    const offsets = new Map<number, number>([
      [0, 1_111],
      [1, 7],
    ]);
    const from = await kafkajsRead(broker, topic, offsets);
    expect(from).toEqual(all.filter(({ partition, offset }) => offset >= (offsets.get(partition) ?? 0)));

    const time = T0 + 4_321;
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, time);
    const starts = new Map(found.map(({ partition, offset }) => [partition, Number(offset)]));
    const since = await kafkajsRead(broker, topic, starts);
    expect(since).toEqual(all.filter(({ timestamp }) => timestamp >= time));
    expect(since).toHaveLength(RECORDS - 4_321);
  });

  it('keeps null and empty keys and values', async () => {
    const topic = 'kafkajs-nulls';
    await admin.createTopics({ topics: [{ topic }] });
    const producer = kafka.producer();
    await producer.connect();
    const sent = [
      { key: null, value: null },
      { key: '', value: '' },
      { key: 'k', value: null },
      { key: null, value: 'v' },
    ];
    await producer.send({ topic, messages: sent });
    await producer.disconnect();
    expect((await kafkajsRead(broker, topic)).map(({ key, value }) => ({ key, value }))).toEqual(sent);
  });

  describe('admin', () => {
    it('creates topics, once, and lists them', async () => {
      const wanted = {
        topics: [
          { topic: 'admin-a', numPartitions: 4 },
          { topic: 'admin-b', replicationFactor: 1 },
        ],
      };
      expect(await admin.createTopics(wanted)).toBe(true);
      expect(await admin.createTopics(wanted)).toBe(false);
      expect(await admin.listTopics()).toEqual(expect.arrayContaining(['admin-a', 'admin-b']));
      await expect(admin.createTopics({ topics: [{ topic: 'not/allowed' }] })).rejects.toThrow();
      const configEntries = [{ name: 'no.such.config', value: '1' }];
      await expect(admin.createTopics({ topics: [{ topic: 'admin-c', configEntries }] })).rejects.toThrow();
    });

    it('deletes records below an offset', async () => {
      const topic = 'admin-shrunk';
      await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
      const producer = kafka.producer();
      await producer.connect();
      for (const partition of [0, 1]) {
        await producer.send({ topic, messages: ['a', 'b', 'c'].map((value) => ({ value, partition })) });
      }
      await producer.disconnect();
      const partitions = [
        { partition: 0, offset: '2' },
        { partition: 1, offset: '-1' },
      ];
      // kafkajs looks for the leaders before it asks for the topic's metadata.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions });
      const lows = (await admin.fetchTopicOffsets(topic)).map(({ partition, low }) => [partition, low]);
      expect(lows.sort()).toEqual([
        [0, '2'],
        [1, '3'],
      ]);
      const starts = new Map([
        [0, 2],
        [1, 3],
      ]);
      expect((await kafkajsRead(broker, topic, starts)).map(({ value }) => value)).toEqual(['c']);
    });

    it('describes topics and the cluster', async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: ['admin-a'] });
      expect(topics).toMatchObject([{ name: 'admin-a' }]);
      const partitions = [...topics[0]!.partitions].sort((a, b) => a.partitionId - b.partitionId);
      expect(partitions).toMatchObject(
        [0, 1, 2, 3].map((partitionId) => ({ partitionErrorCode: 0, partitionId, leader: 0, replicas: [0], isr: [0] })),
      );
      await expect(admin.fetchTopicMetadata({ topics: ['not-there'] })).rejects.toThrow(/does not host/);
      const cluster = await admin.describeCluster();
      expect(cluster).toEqual({
        brokers: [{ nodeId: 0, host: broker.host, port: broker.port }],
        controller: 0,
        clusterId: expect.stringMatching(/^[\w-]{22}$/),
      });
    });

    it('tells offsets', async () => {
      const producer = kafka.producer();
      await producer.connect();
      const values = [1, 2, 3].map((value) => ({ value: `${value}`, partition: 2, timestamp: String(T0 + value) }));
      await producer.send({ topic: 'admin-a', messages: values });
      await producer.disconnect();
      const offsets = await admin.fetchTopicOffsets('admin-a');
      expect([...offsets].sort((a, b) => a.partition - b.partition)).toEqual(
        ['0', '0', '3', '0'].map((end, partition) => ({ partition, offset: end, high: end, low: '0' })),
      );
      const byTime = await admin.fetchTopicOffsetsByTimestamp('admin-a', T0 + 2);
      // Where nothing is as new, kafkajs gives the end of the partition.
      expect([...byTime].sort((a, b) => a.partition - b.partition)).toEqual(
        ['0', '0', '1', '0'].map((offset, partition) => ({ partition, offset })),
      );
    });

    it('adds partitions, never takes any', async () => {
      const grow = (count: number) => admin.createPartitions({ topicPartitions: [{ topic: 'admin-b', count }] });
      await grow(5);
      const { topics } = await admin.fetchTopicMetadata({ topics: ['admin-b'] });
      expect(topics[0]!.partitions).toHaveLength(5);
      await expect(grow(2)).rejects.toThrow();
    });

    it('deletes topics', async () => {
      await admin.deleteTopics({ topics: ['admin-a'] });
      expect(await admin.listTopics()).not.toContain('admin-a');
      await expect(admin.deleteTopics({ topics: ['admin-a'] })).rejects.toThrow();
      expect(await admin.createTopics({ topics: [{ topic: 'admin-a' }] })).toBe(true);
      expect(await admin.fetchTopicOffsets('admin-a')).toMatchObject([{ partition: 0, high: '0' }]);
    });
  });

  it('is served without a word of warning', () => {
    expect(broker.log.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});
