import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { CompressionTypes, kafkajsClient, kafkajsRead } from '../support/kafkajs-client.ts';
import { kcat, kcatRead } from '../support/kcat.ts';
import { createTopic } from '../support/requests.ts';
import { haveKcat } from '../support/tools.ts';

const RECORDS = 2_000;
const PARTITIONS = 4;

const messages = Array.from({ length: RECORDS }, (_, index) => ({
  key: `k${index % 97}`,
  value: `värde ${index} ${'x'.repeat(index % 50)}`,
}));

describe.skipIf(!haveKcat())('what one client writes another reads', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: TcpClient;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = await TcpClient.connect(broker);
  });

  afterAll(async () => {
    client.close();
    await broker.stop();
    folder.remove();
  });

  async function writeWithKafkajs(topic: string, compression: number): Promise<void> {
    const producer = kafkajsClient(broker).producer();
    await producer.connect();
    for (let start = 0; start < RECORDS; start += 500) {
      await producer.send({ topic, compression, messages: messages.slice(start, start + 500) });
    }
    await producer.disconnect();
  }

  async function writeWithKcat(topic: string, codec: string): Promise<void> {
    const stdin = messages.map(({ key, value }) => `${key}\t${value}\n`).join('');
    await kcat(broker, ['-P', '-t', topic, '-K', '\\t', '-z', codec, '-X', 'partitioner=murmur2'], { stdin });
  }

  const inOrder = (
    records: readonly { partition: number; offset: number; key: string | null; value: string | null }[],
  ) =>
    [...records]
      .sort((a, b) => a.partition - b.partition || a.offset - b.offset)
      .map(({ partition, offset, key, value }) => ({ partition, offset, key, value }));

  it.each([
    ['none', CompressionTypes.None],
    ['gzip', CompressionTypes.GZIP],
    ['snappy', CompressionTypes.Snappy],
    ['lz4', CompressionTypes.LZ4],
  ] as const)('in both directions, in one topic (%s)', async (codec, compression) => {
    const topic = `crossed-${codec}`;
    await createTopic(client, topic, { partitions: PARTITIONS });
    await writeWithKafkajs(topic, compression);
    await writeWithKcat(topic, codec);
    const [byKcat, byKafkajs] = [await kcatRead(broker, topic), await kafkajsRead(broker, topic)];
    expect(inOrder(byKcat)).toEqual(inOrder(byKafkajs));
    expect(byKcat).toHaveLength(2 * RECORDS);
    // Both put a key into the same partition, so each partition has the same sequence twice.
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const values = byKcat.filter((record) => record.partition === partition).map(({ value }) => value);
      expect(values.slice(0, values.length / 2)).toEqual(values.slice(values.length / 2));
    }
  });
});
