import { Consumer, MessagesStreamModes, stringDeserializers } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { fetchOffsets, offsetsIn } from '../support/offset-requests.ts';
import { batchOf, createTopic, deleteTopic, produce, type TopicName } from '../support/requests.ts';

const RECORDS = 60;
const PARTITIONS = 4;

describe('@platformatic/kafka in a group', () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: TcpClient;
  let topic: TopicName;
  /** Every record of the shared topic. */
  const sent: string[] = [];

  async function send(value: string, partition: number): Promise<void> {
    await produce(client, topic, batchOf([value]), { partition });
    sent.push(value);
  }

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = await TcpClient.connect(broker);
    topic = await createTopic(client, 'shared', { partitions: PARTITIONS });
    for (let i = 0; i < RECORDS; i++) await send(`v${i}`, i % PARTITIONS);
  });

  afterAll(async () => {
    client.close();
    await broker.stop();
    folder.remove();
  });

  /** A member that reads `topics` and puts what it gets into `seen`. */
  async function join(groupId: string, seen: string[], topics = [topic.name], autocommit: boolean | number = 50) {
    const consumer = new Consumer({
      clientId: 'compat',
      groupId,
      bootstrapBrokers: [broker.bootstrap],
      deserializers: stringDeserializers,
      autocommit,
      sessionTimeout: 6_000,
      heartbeatInterval: 200,
    });
    const mode = MessagesStreamModes.COMMITTED;
    const stream = await consumer.consume({ topics, mode, fallbackMode: 'earliest' });
    stream.on('data', ({ value }) => seen.push(value));
    const close = async () => {
      await stream.close();
      await consumer.close();
    };
    return { consumer, close };
  }

  const committed = async (group: string) => offsetsIn(await fetchOffsets(client, group, topic, [0, 1, 2, 3]));
  const all = Array.from({ length: RECORDS }, (_, i) => `v${i}`).sort();
  const end = Array.from({ length: PARTITIONS }, () => RECORDS / PARTITIONS);

  it('reads everything, commits, and goes on where it was', async () => {
    const seen: string[] = [];
    const first = await join('alone', seen);
    await expect.poll(() => seen.length, { timeout: scaled(20_000) }).toBe(RECORDS);
    await expect.poll(() => committed('alone'), { timeout: scaled(10_000) }).toEqual(end);
    await first.close();
    expect([...seen].sort()).toEqual(all);

    const again: string[] = [];
    const second = await join('alone', again);
    await send('news', 2);
    await expect.poll(() => again, { timeout: scaled(20_000) }).toEqual(['news']);
    await second.close();
  });

  it('shares the partitions of a topic among two, and takes over those of one that leaves', async () => {
    const [one, two]: [string[], string[]] = [[], []];
    const first = await join('pair', one);
    const second = await join('pair', two);
    const shares = () =>
      [first, second].map(({ consumer }) => consumer.assignments?.flatMap(({ partitions }) => partitions).length);
    await expect.poll(shares, { timeout: scaled(30_000) }).toEqual([PARTITIONS / 2, PARTITIONS / 2]);
    await second.close();
    await expect.poll(() => shares()[0], { timeout: scaled(30_000) }).toBe(PARTITIONS);
    for (let partition = 0; partition < PARTITIONS; partition++) await send(`later ${partition}`, partition);
    // Its stream begins anew at the committed offsets some time after it has the partitions, so that a record may come twice.
    const later = () => [...new Set(one.filter((value) => value.startsWith('later')))].sort();
    await expect.poll(later, { timeout: scaled(30_000) }).toEqual(['later 0', 'later 1', 'later 2', 'later 3']);
    await first.close();
    expect([...new Set([...one, ...two])].sort()).toEqual([...sent].sort());
  });

  it('begins anew in a topic that was deleted and made again', async () => {
    let short = await createTopic(client, 'short-lived');
    await produce(client, short, batchOf(['old 0', 'old 1']));
    const seen: string[] = [];
    const first = await join('mortal', seen, ['short-lived']);
    await expect.poll(() => seen, { timeout: scaled(20_000) }).toEqual(['old 0', 'old 1']);
    await expect
      .poll(async () => offsetsIn(await fetchOffsets(client, 'mortal', short)), { timeout: scaled(10_000) })
      .toEqual([2]);
    await first.close();
    await deleteTopic(client, 'short-lived');
    short = await createTopic(client, 'short-lived');
    await produce(client, short, batchOf(['new 0', 'new 1', 'new 2']));
    const again: string[] = [];
    const second = await join('mortal', again, ['short-lived']);
    await expect.poll(() => again, { timeout: scaled(20_000) }).toEqual(['new 0', 'new 1', 'new 2']);
    await second.close();
  });
});
