import type { CoordinatorLookup } from '../client/coordinator.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import { findTopics, listTopics } from '../client/topics.ts';
import { type DescribedTransaction, type OpenTransaction, TransactionClient } from '../client/transactions.ts';
import { showDuration, table } from '../terminal/text.ts';

/** Kafka's default of transaction.max.timeout.ms. A younger transaction may still be ended; ms. */
const LONGER_THAN_MS_DEFAULT = 15 * 60 * 1000;

export interface HangingSearch {
  /** Default: all. */
  readonly topics: readonly string[] | undefined;
  /** Only transactions whose newest batch is older; ms. Default: 15 minutes. */
  readonly longerThanMs: number | undefined;
}

/**
 * Open transactions that no coordinator will end: none knows the producer id, or the partition is not
 * in its transaction (KIP-664, TransactionsCommand.FindHangingTransactionsCommand). Throws
 * CommandError.
 */
export async function findHanging(
  client: KafkaClient,
  lookup: CoordinatorLookup,
  { topics: names, longerThanMs = LONGER_THAN_MS_DEFAULT }: HangingSearch,
): Promise<OpenTransaction[]> {
  const transactions = new TransactionClient(client, lookup);
  const topics = names === undefined ? await listTopics(client) : await findTopics(client, names, lookup);
  const open = await Promise.all(topics.map((topic) => transactions.openIn(topic, topic.partitions)));
  const before = lookup.clock.now() - longerThanMs;
  const old = open.flat().filter(({ lastTimestamp }) => lastTimestamp < before);
  if (old.length === 0) return [];
  const producerIds = [...new Set(old.map(({ producerId }) => producerId))];
  const listed = await transactions.list({ states: [], producerIds, longerThanMs: undefined, pattern: undefined });
  const described = new Map<number, DescribedTransaction>();
  for (const { transactionalId, producerId } of listed) {
    const transaction = await transactions.describe(transactionalId);
    if (transaction !== undefined) described.set(producerId, transaction);
  }
  return old.filter(
    ({ topic, partition, producerId }) => !described.get(producerId)?.partitions.get(topic)?.includes(partition),
  );
}

export function hangingText(hanging: readonly OpenTransaction[], now: number): string {
  return table(
    ['TOPIC', 'PARTITION', 'PRODUCER-ID', 'EPOCH', 'START-OFFSET', 'SILENT-FOR'],
    hanging.map(({ topic, partition, producerId, producerEpoch, startOffset, lastTimestamp }) => [
      ...[topic, partition, producerId, producerEpoch, startOffset, showDuration(Math.max(0, now - lastTimestamp))],
    ]),
  );
}

export function hangingJson({ lastTimestamp, coordinatorEpoch: _, ...transaction }: OpenTransaction) {
  return { ...transaction, lastTime: new Date(lastTimestamp).toISOString() };
}
