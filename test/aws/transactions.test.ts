import type { Kafka, Producer } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalGateway, openGateway } from '../../localstack/index.ts';
import { kafkajsClient, kafkajsReadIsolated } from '../support/kafkajs-client.ts';
import { scaled } from '../support/machine.ts';

const deployed = inject('deployed');
const TOPIC = 'payments';
const GROUP = 'payment-readers';

/** Of the transaction that nobody ends; ms. */
const TIMEOUT_MS = 5_000;
/** How much longer it may hold up its readers. MiniStack starts a function in some seconds; ms. */
const GRACE_MS = 10_000;

describe.skipIf(deployed === undefined)('transactions of kafkajs over deployed functions, through the tunnel', () => {
  let gateway: LocalGateway;
  let kafka: Kafka;
  const producers: Producer[] = [];

  beforeAll(async () => {
    gateway = await openGateway(deployed!);
    kafka = kafkajsClient({ bootstrap: gateway.bootstrapServers });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 2 }] });
    await admin.disconnect();
  });

  afterAll(async () => {
    for (const producer of producers) await producer.disconnect();
    await gateway?.close();
  });

  async function begun(transactionalId: string, timeoutMs = 60_000) {
    const options = { transactionalId, transactionTimeout: timeoutMs, idempotent: true, maxInFlightRequests: 1 };
    const producer = kafka.producer(options);
    producers.push(producer);
    await producer.connect();
    return producer.transaction();
  }

  const both = (value: string) => [0, 1].map((partition) => ({ partition, value }));
  const read = (isCommitted: boolean) =>
    kafkajsReadIsolated({ bootstrap: gateway.bootstrapServers }, TOPIC, isCommitted);
  const offset = async () => {
    const admin = kafka.admin();
    await admin.connect();
    const [found] = await admin.fetchOffsets({ groupId: GROUP, topics: [TOPIC] });
    await admin.disconnect();
    return found!.partitions.find(({ partition }) => partition === 0)!.offset;
  };

  it('are read as a whole once they are committed, with the offsets of a group', async () => {
    const transaction = await begun('payer');
    await transaction.send({ topic: TOPIC, messages: both('paid') });
    const topics = [{ topic: TOPIC, partitions: [{ partition: 0, offset: '7' }] }];
    await transaction.sendOffsets({ consumerGroupId: GROUP, topics });
    expect(await read(true)).toEqual([]);
    expect(await read(false)).toEqual(['0:paid', '1:paid']);
    await transaction.commit();
    expect(await read(true)).toEqual(['0:paid', '1:paid']);
    expect(await offset()).toBe('7');
  });

  it('are not read if they are aborted', async () => {
    const transaction = await begun('payer');
    await transaction.send({ topic: TOPIC, messages: both('bounced') });
    const topics = [{ topic: TOPIC, partitions: [{ partition: 0, offset: '8' }] }];
    await transaction.sendOffsets({ consumerGroupId: GROUP, topics });
    await transaction.abort();
    expect(await read(true)).toEqual(['0:paid', '1:paid']);
    expect(await read(false)).toEqual(['0:paid', '1:paid', '0:bounced', '1:bounced'].sort(byPartition));
    expect(await offset()).toBe('7');
  });

  it('are aborted for their readers if nobody ends them', async () => {
    const transaction = await begun('forgotten', TIMEOUT_MS);
    await transaction.send({ topic: TOPIC, messages: both('never') });
    const beganAt = performance.now();
    const plain = kafka.producer();
    producers.push(plain);
    await plain.connect();
    await plain.send({ topic: TOPIC, messages: both('plain') });
    const wanted = ['0:paid', '0:plain', '1:paid', '1:plain'];
    // Nobody but its readers meets it: the function `fetch` has `seal` end it.
    await expect.poll(() => read(true), { timeout: scaled(60_000), interval: 250 }).toEqual(wanted);
    const heldMs = performance.now() - beganAt;
    process.stdout.write(`held up for ${Math.round(heldMs)} ms with a time-out of ${TIMEOUT_MS} ms\n`);
    expect(heldMs).toBeLessThan(TIMEOUT_MS + scaled(GRACE_MS));
  });
});

/** `PARTITION:VALUE`: the values of a partition stay in their order. */
const byPartition = (a: string, b: string) => Number(a[0]) - Number(b[0]);
