/**
 * Reads orders, writes an invoice for each of them. Invoices and the offsets of their orders are one transaction, so that
 * after any crash each order has exactly one invoice, for readers that read committed records only.
 *
 *   npx tsx consume-transform-produce.ts localhost:9092 orders invoices billing
 *
 * Start as many as there is work for, and start each again when it has ended.
 *
 * kafkajs does not tell the broker which member of the group commits offsets in a transaction. So a process that lost its
 * partitions without noticing is kept out by its producer instead: each partition of the orders has a transactional id of
 * its own, and whoever gets the partition starts a producer with that id, which fences the one before.
 */
import { type EachBatchPayload, Kafka, logLevel, type Producer } from 'kafkajs';

const [bootstrap = 'localhost:9092', source = 'orders', target = 'invoices', groupId = 'billing'] =
  process.argv.slice(2);

const kafka = new Kafka({ clientId: groupId, brokers: [bootstrap], logLevel: logLevel.ERROR });
const admin = kafka.admin();
const consumer = kafka.consumer({
  groupId,
  // If the orders come out of transactions themselves, the aborted ones are none.
  readUncommitted: false,
  // So long do others wait for a process that was killed.
  sessionTimeout: 6_000,
  heartbeatInterval: 1_000,
  maxWaitTimeInMs: 500,
});
/** By partition of the orders. */
const producers = new Map<number, Producer>();

// What was assigned before may have had other owners in between.
consumer.on(consumer.events.GROUP_JOIN, () => dropAll());
consumer.on(consumer.events.CRASH, ({ payload }) => {
  if (!payload.restart) process.exit(1);
});

await admin.connect();
await consumer.connect();
await consumer.subscribe({ topic: source, fromBeginning: true });
await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });

async function eachBatch(payload: EachBatchPayload): Promise<void> {
  const { batch, resolveOffset, isStale } = payload;
  const { partition } = batch;
  try {
    const producer = producers.get(partition) ?? (await takeOver(partition));
    // A seek waits for its turn, and there is nothing to do for records that are read again or by others.
    if (isStale()) return;
    await invoice(payload, producer);
    resolveOffset(batch.lastOffset());
  } catch (error) {
    // Whether the transaction took place is not known here. The group's offsets tell, once a new producer has begun.
    console.error(`begins again after ${error}`);
    drop(partition);
    await takeOver(partition);
  }
}

async function invoice({ batch }: EachBatchPayload, producer: Producer): Promise<void> {
  const { topic, partition, messages } = batch;
  const transaction = await producer.transaction();
  await transaction.send({
    topic: target,
    messages: messages.map(({ key, value }) => ({ key, value: `invoice-${value}` })),
  });
  const next = String(BigInt(batch.lastOffset()) + 1n);
  await transaction.sendOffsets({
    consumerGroupId: groupId,
    topics: [{ topic, partitions: [{ partition, offset: next }] }],
  });
  await transaction.commit();
  console.log(`${messages.length} invoices`);
}

/** Fences the owner before, ends what it has left open, and only then asks how far it came. */
async function takeOver(partition: number): Promise<Producer> {
  const producer = kafka.producer({
    transactionalId: `${groupId}-${source}-${partition}`,
    idempotent: true,
    maxInFlightRequests: 1,
    transactionTimeout: 10_000,
  });
  await producer.connect();
  // The first transaction starts the producer's id.
  await (await producer.transaction()).abort();
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [source] });
  const offset = offsets?.partitions.find((one) => one.partition === partition)?.offset ?? '-1';
  consumer.seek({ topic: source, partition, offset: offset === '-1' ? '0' : offset });
  producers.set(partition, producer);
  return producer;
}

function drop(partition: number): void {
  const producer = producers.get(partition);
  producers.delete(partition);
  producer?.disconnect().catch(() => {});
}

function dropAll(): void {
  for (const partition of [...producers.keys()]) drop(partition);
}
