import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAITING_PACES } from '../../lib/doors/tunnel/pace.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type BrokerProcess, startGatewayProcess } from '../support/broker-process.ts';
import { itWritesAndReads } from '../support/client-suite.ts';
import { type FunctionStandIn, STAND_IN_ENVIRONMENT, startFunctionStandIn } from '../support/function-stand-in.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { kafkajsClient, kafkajsRead } from '../support/kafkajs-client.ts';
import { kcat, kcatRead } from '../support/kcat.ts';
import { PlatformaticClient } from '../support/platformatic-client.ts';
import { batchOf, createTopic, fetch, produce, valuesIn } from '../support/requests.ts';
import { haveKcat } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

const RECORDS = 1_000;

/** Longer than a function may take; ms. */
const WAITED_MS = 22_000;

describe('through the tunnel', () => {
  let standIn: FunctionStandIn;
  let tunnel: BrokerProcess;

  beforeAll(async () => {
    standIn = await startFunctionStandIn();
    tunnel = await startGatewayProcess(['--via', standIn.url], STAND_IN_ENVIRONMENT);
  });

  afterAll(async () => {
    await tunnel.stop();
    await standIn.stop();
  });

  describe('@platformatic/kafka', () => {
    let client: PlatformaticClient;
    beforeAll(() => {
      client = new PlatformaticClient(tunnel);
    });
    afterAll(() => client.close());
    itWritesAndReads({
      name: 'tunnel-platformatic',
      codecs: ['none', 'gzip', 'lz4'],
      broker: () => tunnel,
      client: () => client,
    });
  });

  describe('kafkajs', () => {
    it('creates a topic, writes, and reads in a group whose members come and go', async () => {
      const kafka = kafkajsClient(tunnel);
      const admin = kafka.admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'tunnel-kafkajs', numPartitions: 4 }] });
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      const values = Array.from({ length: RECORDS }, (_, index) => `value ${index}`);
      for (let start = 0; start < RECORDS; start += 100) {
        const messages = values.slice(start, start + 100).map((value) => ({ key: value, value }));
        await producer.send({ topic: 'tunnel-kafkajs', messages });
      }
      await producer.disconnect();
      expect((await kafkajsRead(tunnel, 'tunnel-kafkajs')).map(({ value }) => value).sort()).toEqual(
        [...values].sort(),
      );

      const seen: string[] = [];
      const joined: number[] = [];
      const start = async () => {
        const consumer = kafka.consumer({ groupId: 'tunnel-kafkajs', sessionTimeout: 10_000, heartbeatInterval: 500 });
        consumer.on('consumer.group_join', ({ payload }) => {
          joined.push(payload.memberAssignment['tunnel-kafkajs']?.length ?? 0);
        });
        await consumer.connect();
        await consumer.subscribe({ topics: ['tunnel-kafkajs'], fromBeginning: true });
        await consumer.run({
          eachMessage: async ({ message }) => {
            seen.push(String(message.value));
          },
        });
        return consumer;
      };
      const first = await start();
      await until(() => seen.length >= RECORDS, 'all records', { withinMs: 30_000 });
      const second = await start();
      await until(() => joined.filter((count) => count === 2).length >= 2, 'the group', { withinMs: 30_000 });
      await first.disconnect();
      await until(() => joined.at(-1) === 4, 'the group', { withinMs: 30_000 });
      await second.disconnect();
      expect([...new Set(seen)].sort()).toEqual([...values].sort());
      const offsets = await admin.fetchOffsets({ groupId: 'tunnel-kafkajs', topics: ['tunnel-kafkajs'] });
      const committed = offsets[0]!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
      expect(committed).toBe(RECORDS);
      await admin.disconnect();
    });
  });

  describe.skipIf(!haveKcat())('kcat', () => {
    const lines = Array.from({ length: RECORDS }, (_, index) => `line ${index}`);

    it.each([false, true])('writes and reads (idempotence: %s)', async (idempotent) => {
      const topic = `tunnel-kcat-${idempotent}`;
      const args = ['-P', '-t', topic, '-z', 'lz4', '-X', `enable.idempotence=${idempotent}`, '-X', 'batch.size=2000'];
      await kcat(tunnel, args, { stdin: `${lines.join('\n')}\n` });
      expect((await kcatRead(tunnel, topic)).map(({ value }) => value)).toEqual(lines);
    });

    it('reads in a group to the end, and goes on there', async () => {
      const group = (extra: string[] = []) =>
        kcat(tunnel, [
          '-G',
          'tunnel-kcat',
          '-e',
          '-q',
          '-X',
          'auto.offset.reset=earliest',
          ...extra,
          'tunnel-kcat-true',
        ]);
      expect(
        String(await group())
          .trimEnd()
          .split('\n'),
      ).toEqual(lines);
      await kcat(tunnel, ['-P', '-t', 'tunnel-kcat-true'], { stdin: 'one more\n' });
      expect(String(await group())).toBe('one more\n');
    });

    it('lists the tunnel as the only broker', async () => {
      const { brokers } = JSON.parse(String(await kcat(tunnel, ['-L', '-J']))) as { brokers: object[] };
      expect(brokers).toEqual([{ id: 0, name: tunnel.bootstrap }]);
    });
  });

  it('answers a fetch that waits longer than a function may when the record comes', async () => {
    const client = await TcpClient.connect(tunnel);
    const topic = await createTopic(client, 'tunnel-waiting');
    standIn.calls.length = 0;
    const waiting = fetch(client, topic, { maxWaitMs: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, WAITED_MS));
    const other = await TcpClient.connect(tunnel);
    await produce(other, topic, batchOf(['late']));
    expect(valuesIn((await waiting).records)).toEqual(['late']);
    // The tunnel waits, and asks no more often than its profile says.
    const asked = standIn.calls.filter(({ apiKeys }) => apiKeys[0] === ApiKey.Fetch).length;
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(WAITED_MS / WAITING_PACES.default!.fetch.minMs + 2);
    client.close();
    other.close();
  });

  it('serves all of them without a word of warning', () => {
    expect(tunnel.log.filter(({ level }) => level !== 'info')).toEqual([]);
    expect(standIn.refusals).toEqual([]);
    expect(standIn.lines.filter(({ event }) => event !== 'topic_auto_created')).toEqual([]);
  });
});
