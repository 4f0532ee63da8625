import {
  Admin,
  type BaseOptions,
  type CompressionAlgorithmValue,
  Consumer,
  compatibilityPartitioner,
  compressionsAlgorithms,
  type KafkaRecord,
  Producer,
  type RecordsBatch,
  stringSerializers,
} from '@platformatic/kafka';
import type { BrokerProcess } from './broker-process.ts';
import type { ReadRecord, SentRecord, WriteOptions, WritingClient } from './client-suite.ts';

const RECORDS_PER_SEND = 1_000;
const MIB = 1024 * 1024;

/** Node writes and reads zstd from 22.15 on. */
export const platformaticHasZstd = compressionsAlgorithms.zstd.available;

/** Its options for a broker. Retries would only make a refusal take longer. */
export function platformaticOptions(broker: BrokerProcess): BaseOptions {
  return { clientId: 'compat', bootstrapBrokers: [broker.bootstrap], retries: 0 };
}

/** @platformatic/kafka as the suite drives it. It reads by Fetch requests, as streams belong to a group. */
export class PlatformaticClient implements WritingClient {
  readonly admin: Admin;
  readonly #options: BaseOptions;
  readonly #consumer: Consumer;

  constructor(broker: BrokerProcess) {
    this.#options = platformaticOptions(broker);
    this.admin = new Admin(this.#options);
    this.#consumer = new Consumer({ ...this.#options, groupId: 'never-joined' });
  }

  async createTopic(topic: string, partitions: number): Promise<void> {
    await this.admin.createTopics({ topics: [topic], partitions });
  }

  async write(topic: string, records: readonly SentRecord[], { codec, idempotent }: WriteOptions): Promise<void> {
    const producer = new Producer({
      ...this.#options,
      serializers: stringSerializers,
      // Its default takes the hash as unsigned where Kafka's own takes it without the sign.
      partitioner: compatibilityPartitioner,
    });
    try {
      for (let start = 0; start < records.length; start += RECORDS_PER_SEND) {
        const messages = records.slice(start, start + RECORDS_PER_SEND).map(({ key, value, headers, timestamp }) => ({
          topic,
          ...(key === null ? {} : { key }),
          ...(value === null ? {} : { value }),
          headers: { ...headers },
          timestamp: BigInt(timestamp),
        }));
        await producer.send({ messages, compression: codec as CompressionAlgorithmValue, idempotent, acks: -1 });
      }
    } finally {
      await producer.close();
    }
  }

  async read(topic: string, from: ReadonlyMap<number, number> = new Map()): Promise<ReadRecord[]> {
    const { topics } = await this.#consumer.metadata({ topics: [topic] });
    const { id, partitions } = topics.get(topic)!;
    const records: ReadRecord[] = [];
    for (const [partition, { leader }] of partitions.entries()) {
      records.push(...(await this.#readPartition(id, leader, partition, from.get(partition) ?? 0)));
    }
    return records;
  }

  async #readPartition(topicId: string, node: number, partition: number, from: number): Promise<ReadRecord[]> {
    const records: ReadRecord[] = [];
    for (let next = from; ; ) {
      const wanted = { partition, currentLeaderEpoch: -1, fetchOffset: BigInt(next), lastFetchedEpoch: -1 };
      const { responses } = await this.#consumer.fetch({
        node,
        maxWaitTime: 100,
        minBytes: 1,
        maxBytes: 10 * MIB,
        topics: [{ topicId, partitions: [{ ...wanted, partitionMaxBytes: MIB }] }],
      });
      const answer = responses[0]!.partitions[0]!;
      for (const batch of answer.records ?? []) {
        for (const record of batch.records) {
          const read = readRecord(partition, batch, record);
          // A fetch in the middle of a batch brings the whole batch; its own streams drop what is before, too.
          if (read.offset >= next) records.push(read);
        }
      }
      next = records.length === 0 ? from : records.at(-1)!.offset + 1;
      if (next >= Number(answer.highWatermark)) return records;
    }
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const offsets = await this.#consumer.listOffsets({ topics: [topic], timestamp: BigInt(timestamp) });
    return new Map(offsets.get(topic)!.map((offset, partition) => [partition, Number(offset)]));
  }

  async close(): Promise<void> {
    await this.admin.close();
    await this.#consumer.close(true);
  }
}

function readRecord(partition: number, batch: RecordsBatch, record: KafkaRecord): ReadRecord {
  return {
    partition,
    offset: Number(batch.firstOffset) + record.offsetDelta,
    timestamp: Number(batch.firstTimestamp + record.timestampDelta),
    key: record.key === null ? null : String(record.key),
    value: record.value === null ? null : String(record.value),
    headers: Object.fromEntries(record.headers.map(([key, value]) => [String(key), String(value)])),
  };
}
