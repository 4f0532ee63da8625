import { type Clock, sleep } from '../../../lib/core/clock.ts';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import type { KafkaClient } from '../../support/kafka-client.ts';
import { createTopic, fetchRequest, produceRequest, type TopicName } from '../../support/requests.ts';

/** Partitions of the topic. */
export const PARTITIONS = 12;

/** A record's value; with its key and the batch's head about this much. */
const VALUE = Buffer.alloc(1_000, 'x');

/** Defaults of Kafka's Java consumer. */
const FETCH = { maxWaitMs: 500, minBytes: 1, maxBytes: 50 * 1024 * 1024, partitionMaxBytes: 1024 * 1024 };

export interface Load {
  /** Records per second of 1,000 bytes. */
  readonly recordsPerSecond: number;
  /** Records of one batch; each Produce request has one batch. */
  readonly recordsPerBatch: number;
}

/**
 * An idempotent producer that writes to the partitions in turn at a steady rate, and a consumer that
 * reads them all at the tail.
 */
export class Workload {
  readonly #client: KafkaClient;
  readonly #clock: Clock;
  readonly #load: Load;
  readonly #topic: TopicName;
  readonly #sequences: number[] = Array.from({ length: PARTITIONS }, () => 0);
  #isOver = false;
  /** Bytes of the acknowledged batches. */
  producedBytes = 0;
  /** Bytes that the consumer got. */
  consumedBytes = 0;

  private constructor(client: KafkaClient, clock: Clock, load: Load, topic: TopicName) {
    this.#client = client;
    this.#clock = clock;
    this.#load = load;
    this.#topic = topic;
  }

  static async create(client: KafkaClient, clock: Clock, load: Load): Promise<Workload> {
    const topic = await createTopic(client, 'load', { partitions: PARTITIONS });
    return new Workload(client, clock, load, topic);
  }

  /** Runs until `stop`; every request has its answer then. */
  async run(): Promise<void> {
    await Promise.all([this.#produce(), this.#consume()]);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #produce(): Promise<void> {
    const everyMs = (1000 * this.#load.recordsPerBatch) / this.#load.recordsPerSecond;
    const sent: Promise<void>[] = [];
    const begun = this.#clock.monotonic();
    for (let count = 0; !this.#isOver; count++) {
      sent.push(this.#send(count % PARTITIONS));
      await sleep(this.#clock, Math.max(0, begun + (count + 1) * everyMs - this.#clock.monotonic()));
    }
    await Promise.all(sent);
  }

  async #send(partition: number): Promise<void> {
    const timestamp = this.#clock.now();
    const records = Array.from({ length: this.#load.recordsPerBatch }, () => ({ timestamp, key: null, value: VALUE }));
    const baseSequence = this.#sequences[partition]!;
    this.#sequences[partition] = baseSequence + records.length;
    const batch = encodeBatch(records, { producerId: 1, producerEpoch: 0, baseSequence });
    const request = produceRequest(this.#topic, batch, { partition, timeoutMs: 30_000 });
    const { responses } = await this.#client.ask(ApiKey.Produce, 9, request);
    const { errorCode } = responses[0]!.partitionResponses[0]!;
    if (errorCode !== 0) throw new Error(`a batch was answered with error ${errorCode}`);
    this.producedBytes += batch.length;
  }

  async #consume(): Promise<void> {
    const offsets = Array.from({ length: PARTITIONS }, () => 0);
    while (!this.#isOver) {
      const { responses } = await this.#client.ask(ApiKey.Fetch, 12, fetchRequest(this.#topic, FETCH, offsets));
      for (const { partitionIndex, records, errorCode } of responses.flatMap(({ partitions }) => partitions)) {
        if (errorCode !== 0) throw new Error(`a fetch was answered with error ${errorCode}`);
        if (records === null || records === undefined) continue;
        const chunks = Array.isArray(records) ? records : [records];
        for (const bytes of chunks) {
          this.consumedBytes += bytes.length;
          offsets[partitionIndex] = endOf(bytes, offsets[partitionIndex]!);
        }
      }
    }
  }
}

/** The offset after the last batch. */
function endOf(bytes: Buffer, offset: number): number {
  let end = offset;
  for (let at = 0; at + 27 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    end = Number(bytes.readBigInt64BE(at)) + bytes.readInt32BE(at + 23) + 1;
  }
  return end;
}
