import { createRequire } from 'node:module';
import type { BrokerProcess } from './broker-process.ts';
import type { ReadRecord, SentRecord, WriteOptions, WritingClient } from './client-suite.ts';

const TIMEOUT_MS = 20_000;
const RECORDS_PER_SEND = 1_000;

/** What of the package is used here. It is not a dependency, so its own types are not at hand. */
interface ConfluentModule {
  readonly librdkafkaVersion: string;
  readonly KafkaJS: {
    readonly Kafka: new (config: object) => { producer(config: object): ConfluentProducer; admin(): ConfluentAdmin };
    readonly logLevel: { readonly NOTHING: number };
  };
  readonly KafkaConsumer: new (config: object, topicConfig: object) => AssigningConsumer;
  readonly AdminClient: { create(config: object): LowAdmin };
}

interface ConfluentProducer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  send(record: { topic: string; messages: readonly object[] }): Promise<{ errorCode: number }[]>;
}

interface PartitionOffset {
  readonly partition: number;
  readonly offset: string;
}

/** The admin client that looks like that of kafkajs. */
export interface ConfluentAdmin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  createTopics(options: { topics: readonly object[] }): Promise<boolean>;
  deleteTopics(options: { topics: readonly string[] }): Promise<void>;
  listTopics(): Promise<string[]>;
  fetchTopicMetadata(options: { topics: string[] }): Promise<{ name: string; partitions: object[] }[]>;
  fetchTopicOffsets(topic: string): Promise<(PartitionOffset & { high: string; low: string })[]>;
  fetchTopicOffsetsByTimestamp(topic: string, timestamp: number): Promise<PartitionOffset[]>;
}

type Callback<Result = void> = (error: Error | null | undefined, result: Result) => void;

/** The admin client that looks like that of librdkafka; it can do a few things that the other cannot. */
interface LowAdmin {
  createPartitions(topic: string, total: number, timeoutMs: number, callback: Callback): void;
  disconnect(): void;
}

interface AssigningConsumer {
  connect(options: object, callback: Callback): void;
  disconnect(callback: Callback): void;
  getMetadata(options: object, callback: Callback<{ topics: { name: string; partitions: { id: number }[] }[] }>): void;
  queryWatermarkOffsets(
    topic: string,
    partition: number,
    timeoutMs: number,
    callback: Callback<{ highOffset: number }>,
  ): void;
  assign(partitions: readonly { topic: string; partition: number; offset: number }[]): void;
  consume(count: number, callback: Callback<LowMessage[]>): void;
}

interface LowMessage {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | string | null | undefined;
  readonly value: Buffer | null;
  readonly headers?: readonly Readonly<Record<string, Buffer | string>>[];
}

/** @confluentinc/kafka-javascript as the suite drives it: its producer and admin as of kafkajs, its consumer as of librdkafka. */
export class ConfluentClient implements WritingClient {
  readonly librdkafkaVersion: string;
  readonly admin: ConfluentAdmin;
  readonly #package: ConfluentModule;
  readonly #config: { readonly 'bootstrap.servers': string };

  /** `module` is the folder that it was built in. */
  constructor(module: string, broker: BrokerProcess) {
    this.#package = createRequire(import.meta.url)(module) as ConfluentModule;
    this.#config = { 'bootstrap.servers': broker.bootstrap };
    this.librdkafkaVersion = this.#package.librdkafkaVersion;
    this.admin = this.#kafka().admin();
  }

  #kafka() {
    const { Kafka, logLevel } = this.#package.KafkaJS;
    return new Kafka({ ...this.#config, kafkaJS: { logLevel: logLevel.NOTHING } });
  }

  /** Makes a topic have `total` partitions. */
  async createPartitions(topic: string, total: number): Promise<void> {
    const admin = this.#package.AdminClient.create(this.#config);
    try {
      await called((callback) => admin.createPartitions(topic, total, TIMEOUT_MS, callback));
    } finally {
      admin.disconnect();
    }
  }

  async createTopic(topic: string, numPartitions: number): Promise<void> {
    await this.admin.createTopics({ topics: [{ topic, numPartitions }] });
  }

  async write(topic: string, records: readonly SentRecord[], { codec, idempotent }: WriteOptions): Promise<void> {
    await this.send(
      topic,
      records.map((record) => ({ ...record, timestamp: String(record.timestamp) })),
      { 'compression.codec': codec, 'enable.idempotence': idempotent },
    );
  }

  /** Sends messages as of kafkajs by a producer with these settings. */
  async send(topic: string, messages: readonly object[], settings: object): Promise<void> {
    const partitioner = { partitioner: 'murmur2', acks: -1, 'linger.ms': 5, 'delivery.timeout.ms': TIMEOUT_MS };
    const producer = this.#kafka().producer({ ...partitioner, ...settings });
    await producer.connect();
    try {
      for (let start = 0; start < messages.length; start += RECORDS_PER_SEND) {
        const sent = await producer.send({ topic, messages: messages.slice(start, start + RECORDS_PER_SEND) });
        const refused = sent.find(({ errorCode }) => errorCode !== 0);
        if (refused !== undefined) throw new Error(`refused with ${refused.errorCode}`);
      }
    } finally {
      await producer.disconnect();
    }
  }

  async read(topic: string, from: ReadonlyMap<number, number> = new Map()): Promise<ReadRecord[]> {
    const settings = { ...this.#config, 'group.id': 'never-joined', 'enable.auto.commit': false };
    const consumer = new this.#package.KafkaConsumer(settings, {});
    await called((callback) => consumer.connect({}, callback));
    try {
      const { topics } = await called<{ topics: { name: string; partitions: { id: number }[] }[] }>((callback) =>
        consumer.getMetadata({ topic, timeout: TIMEOUT_MS }, callback),
      );
      const partitions = topics.find(({ name }) => name === topic)!.partitions;
      let missing = 0;
      const assigned = [];
      for (const { id } of partitions) {
        const offset = from.get(id) ?? 0;
        const { highOffset } = await called<{ highOffset: number }>((callback) =>
          consumer.queryWatermarkOffsets(topic, id, TIMEOUT_MS, callback),
        );
        missing += highOffset - offset;
        assigned.push({ topic, partition: id, offset });
      }
      consumer.assign(assigned);
      const records: ReadRecord[] = [];
      while (records.length < missing) {
        const wanted = Math.min(missing - records.length, RECORDS_PER_SEND);
        const messages = await called<LowMessage[]>((callback) => consumer.consume(wanted, callback));
        records.push(...messages.map(readRecord));
      }
      return records;
    } finally {
      await called((callback) => consumer.disconnect(callback));
    }
  }

  async offsetsAt(topic: string, timestamp: number): Promise<ReadonlyMap<number, number>> {
    const offsets = await this.admin.fetchTopicOffsetsByTimestamp(topic, timestamp);
    return new Map(offsets.map(({ partition, offset }) => [partition, Number(offset)]));
  }
}

function readRecord(message: LowMessage): ReadRecord {
  const headers = (message.headers ?? []).flatMap((header) => Object.entries(header));
  return {
    partition: message.partition,
    offset: message.offset,
    timestamp: message.timestamp,
    key: message.key === null || message.key === undefined ? null : String(message.key),
    value: message.value === null ? null : String(message.value),
    headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
  };
}

/** The result of a function that calls back once. */
function called<Result = void>(start: (callback: Callback<Result>) => void): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => (error ? reject(error) : resolve(result)));
  });
}
