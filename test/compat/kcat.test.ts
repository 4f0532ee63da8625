import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { partitionForKey } from '../../lib/records/murmur2.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { kcat, kcatRead } from '../support/kcat.ts';
import { createTopic } from '../support/requests.ts';
import { codecsOf, storedBatches } from '../support/stored-batches.ts';
import { haveKcat } from '../support/tools.ts';

const RECORDS = 10_000;
const PARTITIONS = 3;

/** Key and value of each record, and the partition that Kafka's own partitioner gives the key. */
const records = Array.from({ length: RECORDS }, (_, index) => {
  const key = `key-${(index * 7919) % 1000}`;
  return {
    key,
    value: `value ${index} ${'é'.repeat(index % 20)}`,
    partition: partitionForKey(Buffer.from(key), PARTITIONS),
  };
});
const lines = `${records.map(({ key, value }) => `${key}\t${value}`).join('\n')}\n`;

function expectedIn(partition: number) {
  return records.filter((record) => record.partition === partition).map(({ key, value }) => [key, value]);
}

describe.skipIf(!haveKcat())('kcat', () => {
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

  const produceArgs = (topic: string, codec: string, idempotent: boolean) => [
    ...['-P', '-t', topic, '-K', '\\t', '-z', codec, '-H', 'from=kcat', '-H', 'codec=x'],
    ...['-X', 'partitioner=murmur2', '-X', `enable.idempotence=${idempotent}`],
  ];

  describe.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)('with %s', (codec) => {
    it.each([false, true])('writes 10,000 records and reads exactly those (idempotence: %s)', async (idempotent) => {
      const topic = `kcat-${codec}-${idempotent}`;
      await createTopic(client, topic, { partitions: PARTITIONS });
      await kcat(broker, produceArgs(topic, codec, idempotent), { stdin: lines });
      const read = await kcatRead(broker, topic);
      expect(read).toHaveLength(RECORDS);
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const own = read.filter((record) => record.partition === partition);
        expect(own.map(({ offset }) => offset)).toEqual(own.map((_, index) => index));
        expect(own.map(({ key, value }) => [key, value])).toEqual(expectedIn(partition));
        expect(new Set(own.map(({ headers }) => headers))).toEqual(new Set(['from=kcat,codec=x']));

        const stored = await storedBatches(broker, topic, partition);
        expect(codecsOf(stored)).toEqual([codec]);
        expect(stored.values).toEqual(own.map(({ value }) => value));
        expect([...stored.producerIds].every((id) => (idempotent ? id >= 0 : id === -1))).toBe(true);
      }
    });
  });

  describe('reads on', () => {
    const topic = 'kcat-none-true';

    it('from an offset, and from so many before the end', async () => {
      const all = (await kcatRead(broker, topic, 'beginning', ['-p', '1'])).map(({ value }) => value);
      const from = await kcatRead(broker, topic, '1234', ['-p', '1']);
      expect(from[0]!.offset).toBe(1234);
      expect(from.map(({ value }) => value)).toEqual(all.slice(1234));
      const last = await kcatRead(broker, topic, '-100', ['-p', '1']);
      expect(last.map(({ value }) => value)).toEqual(all.slice(-100));
    });

    it('from a timestamp, and finds its offset', async () => {
      const times = 'kcat-times';
      await createTopic(client, times);
      for (const [index, value] of ['early', 'late'].entries()) {
        if (index > 0) await new Promise((resolve) => setTimeout(resolve, 30));
        await kcat(broker, ['-P', '-t', times, '-z', 'lz4'], { stdin: `${value} 1\n${value} 2\n${value} 3\n` });
      }
      const read = await kcatRead(broker, times);
      const late = read.find(({ value }) => value.startsWith('late'))!;
      const from = await kcatRead(broker, times, `s@${late.timestamp}`);
      expect(from.map(({ value }) => value)).toEqual(['late 1', 'late 2', 'late 3']);
      const found = await kcat(broker, ['-Q', '-t', `${times}:0:${late.timestamp}`]);
      expect(found.toString()).toContain(`offset ${late.offset}`);
      const end = await kcat(broker, ['-Q', '-t', `${times}:0:-1`]);
      expect(end.toString()).toContain('offset 6');
    });
  });

  it('creates topics by using them, keeps empty and null values, and lists what there is', async () => {
    await kcat(broker, ['-P', '-t', 'made-by-use', '-K', ':', '-Z'], { stdin: 'k1:v1\nk2:\n' });
    const out = await kcat(broker, ['-C', '-t', 'made-by-use', '-e', '-q', '-Z', '-f', '%k=%s,%S;']);
    expect(out.toString()).toBe('k1=v1,2;k2=NULL,-1;');
    const listed = JSON.parse((await kcat(broker, ['-L', '-J'])).toString()) as {
      brokers: { id: number; name: string }[];
      topics: { topic: string; partitions: unknown[] }[];
    };
    expect(listed.brokers).toEqual([{ id: 0, name: broker.bootstrap }]);
    expect(listed.topics.find(({ topic }) => topic === 'made-by-use')?.partitions).toHaveLength(1);
    expect(listed.topics.find(({ topic }) => topic === 'kcat-gzip-true')?.partitions).toHaveLength(PARTITIONS);
  });

  it('takes a record of nearly a megabyte, and is told of one that is too large', async () => {
    const line = `${'x'.repeat(990_000)}\n`;
    await kcat(broker, ['-P', '-t', 'large'], { stdin: line });
    expect(await kcat(broker, ['-C', '-t', 'large', '-e', '-q'])).toEqual(Buffer.from(line));
    const args = ['-P', '-t', 'large', '-X', 'message.max.bytes=5000000', '-m', '5'];
    await expect(kcat(broker, args, { stdin: `${'x'.repeat(2_000_000)}\n` })).rejects.toThrow(/too large/i);
  });

  it('is served without a word of warning', () => {
    const events = broker.log.filter(({ level }) => level !== 'info').map(({ event }) => event);
    expect(new Set(events)).toEqual(new Set(['topic_auto_created']));
  });
});
