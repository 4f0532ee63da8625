import type { Kafka } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalGateway, openGateway } from '../../localstack/index.ts';
import { kafkajsClient } from '../support/kafkajs-client.ts';
import { kcat, kcatRead } from '../support/kcat.ts';
import { haveKcat } from '../support/tools.ts';
import { readByGroup } from './read-by-group.ts';

const deployed = inject('deployed');
const HAVE_KCAT = haveKcat();
const PARTITIONS = 4;
const RECORDS = 200;

describe.skipIf(deployed === undefined)('Kafka clients of deployed functions, through the tunnel', () => {
  let gateway: LocalGateway;
  let broker: { bootstrap: string };
  let kafka: Kafka;
  const messages = Array.from({ length: RECORDS }, (_, index) => ({ key: `key ${index}`, value: `value ${index}` }));
  const values = messages.map(({ value }) => value).sort();

  beforeAll(async () => {
    gateway = await openGateway(deployed!);
    broker = { bootstrap: gateway.bootstrapServers };
    kafka = kafkajsClient(broker);
  });

  afterAll(() => gateway?.close());

  it('kafkajs creates a topic and writes to it', async () => {
    const admin = kafka.admin();
    await admin.connect();
    expect(await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: PARTITIONS }] })).toBe(true);
    expect(await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: PARTITIONS }] })).toBe(false);
    await admin.disconnect();
    const producer = kafka.producer();
    await producer.connect();
    const sent = await producer.send({ topic: 'orders', messages });
    await producer.disconnect();
    expect(sent.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual(
      Array.from({ length: PARTITIONS }, () => [0, '0']),
    );
  });

  it('two members of a kafkajs group share the partitions and read each record once', async () => {
    const reading = await readByGroup([kafka, kafka], { topic: 'orders', groupId: 'pair', count: RECORDS });
    expect([...reading.values].sort()).toEqual(values);
    expect(reading.partitionsByMember.flat().sort()).toEqual([0, 1, 2, 3]);
  });

  it('kafkajs goes on in the group where it left off', async () => {
    const producer = kafka.producer({ idempotent: true });
    await producer.connect();
    await producer.send({ topic: 'orders', messages: [{ key: 'key 0', value: 'one more' }] });
    await producer.disconnect();
    const reading = await readByGroup([kafka], { topic: 'orders', groupId: 'pair', count: 1 });
    expect(reading.values).toEqual(['one more']);
  });

  it.runIf(HAVE_KCAT)('kcat creates a topic by writing to it, reads it, and reads it in a group', async () => {
    const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    await kcat(broker, ['-P', '-t', 'words', '-z', 'gzip'], { stdin: lines.join('\n') });
    const read = await kcatRead(broker, 'words');
    expect(read.map(({ value }) => value)).toEqual(lines);
    expect(read.map(({ offset }) => offset)).toEqual(lines.map((_, index) => index));
    const group = ['-G', 'readers', '-q', '-e', '-X', 'auto.offset.reset=earliest', 'words'];
    expect((await kcat(broker, group)).toString().trim().split('\n')).toEqual(lines);
    // The group has committed what it read.
    await kcat(broker, ['-P', '-t', 'words'], { stdin: 'the last line' });
    expect((await kcat(broker, group)).toString().trim()).toBe('the last line');
  });

  it.runIf(HAVE_KCAT)(
    'what invokes functions directly, or opens the stores itself, sees the same records',
    async () => {
      for (const by of ['lambda', 'stores'] as const) {
        const other = await openGateway(deployed!, { by });
        try {
          const there = { bootstrap: other.bootstrapServers };
          expect((await kcatRead(there, 'orders')).length).toBe(RECORDS + 1);
          await kcat(there, ['-P', '-t', 'ways'], { stdin: by });
        } finally {
          await other.close();
        }
      }
      expect((await kcatRead(broker, 'ways')).map(({ offset, value }) => [offset, value])).toEqual([
        [0, 'lambda'],
        [1, 'stores'],
      ]);
    },
  );
});
