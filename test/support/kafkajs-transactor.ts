import type { Producer, Transaction } from 'kafkajs';
import { kafkajsClient, kafkajsReadIsolated } from './kafkajs-client.ts';
import { serveLines } from './serve-lines.ts';

/** kafkajs for the tests of transactions (transaction-clients.ts), in a process of its own, so that it can be killed. */
const [bootstrap] = process.argv.slice(2) as [string];

const kafka = kafkajsClient({ bootstrap });
const admin = kafka.admin();
let producer: Producer | undefined;
let transaction: Transaction | undefined;

await serveLines(
  {
    async init(transactionalId, timeoutMs) {
      const options = { transactionalId: transactionalId!, transactionTimeout: Number(timeoutMs) };
      producer = kafka.producer({ ...options, idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      // Its id is asked for with the first transaction.
      await (await producer.transaction()).abort();
    },
    async begin() {
      transaction = await producer!.transaction();
    },
    async send(topic, partition, ...values) {
      const messages = values.map((value) => ({ value, partition: Number(partition) }));
      await transaction!.send({ topic: topic!, messages });
    },
    async offsets(consumerGroupId, topic, partition, offset) {
      const partitions = [{ partition: Number(partition), offset: offset! }];
      await transaction!.sendOffsets({ consumerGroupId: consumerGroupId!, topics: [{ topic: topic!, partitions }] });
    },
    commit: () => transaction!.commit(),
    abort: () => transaction!.abort(),
    read: (topic, isolation) => kafkajsReadIsolated({ bootstrap }, topic!, isolation === 'committed'),
    async committed(groupId, topic, partition) {
      await admin.connect();
      const [found] = await admin.fetchOffsets({ groupId: groupId!, topics: [topic!] });
      return [found!.partitions.find((one) => one.partition === Number(partition))?.offset ?? '-1'];
    },
  },
  (error) => (error as { type?: string }).type ?? (error as Error).name,
);
process.exit(0);
