import type { Clock } from '../../core/clock.ts';
import { type Random, randomInt } from '../../core/random.ts';
import { incrementSequence } from '../../records/batch.ts';
import { Codec, type CodecId } from '../../records/compression/codec.ts';
import { encodeBatch, type RecordInput } from '../../records/encode.ts';
import { partitionForKey } from '../../records/murmur2.ts';
import { ApiKey } from '../../wire/apis.ts';
import { Attempts } from '../client/attempts.ts';
import { ConnectionError } from '../client/connection-problem.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { Topic } from '../client/topics.ts';
import { brokerRefusal, CommandError, isRetriable } from '../failure.ts';
import type { InputRecord } from './input-record.ts';
import { PartitionSender, type SealedBatch } from './partition-sender.ts';

export interface ProducerOptions {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly topic: Topic;
  readonly codec: CodecId;
  readonly acks: -1 | 0 | 1;
  readonly idempotent: boolean;
  /** The size at which a batch is sent, uncompressed. */
  readonly batchBytes: number;
  readonly timeoutMs: number;
}

/** The result of a partition's records. Offsets are undefined if the broker did not return them. */
export interface PartitionTotals {
  readonly partition: number;
  records: number;
  firstOffset: number | undefined;
  lastOffset: number | undefined;
}

interface OpenBatch {
  readonly partition: number;
  readonly records: RecordInput[];
  readonly firstRecord: number;
  bytes: number;
  inputBytes: number;
}

/** The most bytes of a record's own fields: lengths, attributes, timestamp and offset deltas. */
const RECORD_OVERHEAD_BYTES_MAX = 32;
const HEADER_OVERHEAD_BYTES_MAX = 10;
/** The pause before a broker that has no producer id yet is asked again. */
const ID_RETRY_MS = 100;
/** Input bytes read but not stored yet: enough for a busy connection, with little memory. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Distributes records over partitions, collects them into batches and sends these. At most
 * PENDING_BYTES_MAX are in memory.
 */
export class Producer {
  readonly #options: ProducerOptions;
  readonly #identity: { readonly producerId: number; readonly producerEpoch: number } | undefined;
  readonly #senders = new Map<number, PartitionSender>();
  readonly #sequences = new Map<number, number>();
  readonly #open = new Map<number, OpenBatch>();
  readonly #totals = new Map<number, PartitionTotals>();
  readonly #failure = new AbortController();
  /** The partition of records without a key until its batch is full (KIP-480). */
  #sticky: number;
  #added = 0;
  #pendingBytes = 0;
  #wake: (() => void)[] = [];

  storedRecords = 0;
  /** Of the input, delimiters included. */
  storedBytes = 0;

  private constructor(options: ProducerOptions, identity?: { producerId: number; producerEpoch: number }) {
    this.#options = options;
    this.#identity = identity;
    this.#sticky = randomInt(options.random, 0, options.topic.partitions.length);
  }

  /** Throws CommandError if the broker gives no producer id. */
  static async open(options: ProducerOptions): Promise<Producer> {
    if (!options.idempotent) return new Producer(options);
    const { client, clock, timeoutMs } = options;
    const request = { transactionalId: null, transactionTimeoutMs: timeoutMs };
    const attempts = new Attempts(clock, timeoutMs, ID_RETRY_MS);
    for (;;) {
      try {
        const { errorCode, producerId, producerEpoch } = await client.ask(ApiKey.InitProducerId, request);
        if (errorCode === 0) return new Producer(options, { producerId, producerEpoch });
        // A Kafka broker that has just started fetches its first block of ids at the first request,
        // which gets an error.
        if (!isRetriable(errorCode) || attempts.areOver) {
          throw brokerRefusal('The broker gave no producer id', errorCode);
        }
      } catch (error) {
        // The topic was looked up over the same address, so a lost connection can be made again.
        if (!(error instanceof ConnectionError) || attempts.areOver) throw error;
      }
      await attempts.wait();
    }
  }

  /** Aborts with a CommandError when a batch cannot be stored. */
  get failed(): AbortSignal {
    return this.#failure.signal;
  }

  /** True when `room` must be awaited before more is added. */
  get isFull(): boolean {
    return this.#pendingBytes >= PENDING_BYTES_MAX;
  }

  /** By partition. */
  get totals(): PartitionTotals[] {
    return [...this.#totals.values()].sort((a, b) => a.partition - b.partition);
  }

  /**
   * Adds a record of `inputBytes` of the input. Throws CommandError for a partition that does not
   * exist.
   */
  add(record: InputRecord, inputBytes: number): void {
    this.#added++;
    const partition = this.#partitionOf(record);
    const size = sizeAtMost(record);
    let batch = this.#open.get(partition);
    if (batch !== undefined && batch.bytes + size > this.#options.batchBytes) {
      this.#seal(batch);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = { partition, records: [], firstRecord: this.#added, bytes: 0, inputBytes: 0 };
      this.#open.set(partition, batch);
    }
    const { key, value, headers, timestamp = this.#options.clock.now() } = record;
    batch.records.push({ key, value, headers, timestamp });
    batch.bytes += size;
    batch.inputBytes += inputBytes;
    this.#pendingBytes += size;
    if (batch.bytes >= this.#options.batchBytes) this.#seal(batch);
  }

  /** Sends the collected records. */
  flush(): void {
    for (const batch of [...this.#open.values()]) this.#seal(batch);
  }

  /**
   * Resolves when more can be added. Rejects with the CommandError of a batch that could not be
   * stored.
   */
  async room(): Promise<void> {
    while (this.isFull) await this.#change();
    this.failed.throwIfAborted();
  }

  /** Sends the rest and resolves when all is stored. Rejects as `room` does. */
  async finish(): Promise<void> {
    this.flush();
    while (this.#pendingBytes > 0) await this.#change();
    this.failed.throwIfAborted();
  }

  #partitionOf(record: InputRecord): number {
    const { partitions, name } = this.#options.topic;
    const { partition } = record;
    if (partition !== undefined) {
      if (partition < partitions.length) return partition;
      throw new CommandError(
        `Record ${this.#added} is for partition ${partition}, and topic ${name} has 0 to ${partitions.length - 1}.`,
      );
    }
    return record.key === null ? this.#sticky : partitionForKey(record.key, partitions.length);
  }

  #seal(open: OpenBatch): void {
    const { topic, codec } = this.#options;
    const { partition, records } = open;
    this.#open.delete(partition);
    if (partition === this.#sticky) this.#sticky = (this.#sticky + 1) % topic.partitions.length;
    const sequence = this.#sequences.get(partition) ?? 0;
    this.#sequences.set(partition, incrementSequence(sequence, records.length));
    const bytes = encodeBatch(records, { codec, ...(this.#identity && { ...this.#identity, baseSequence: sequence }) });
    // From here on, its size is that of the encoded batch.
    this.#pendingBytes += bytes.length - open.bytes;
    const { firstRecord, inputBytes } = open;
    this.#senderOf(partition).push({ bytes, records: records.length, firstRecord, inputBytes });
  }

  #senderOf(partition: number): PartitionSender {
    let sender = this.#senders.get(partition);
    if (sender === undefined) {
      const { client, clock, topic, acks, timeoutMs } = this.#options;
      sender = new PartitionSender({
        client,
        clock,
        topic: topic.name,
        partition: topic.partitions[partition]!,
        acks,
        timeoutMs,
        onStored: (batch, baseOffset) => this.#stored(partition, batch, baseOffset),
        onFailed: (error) => {
          this.#failure.abort(error);
          this.#changed();
        },
      });
      this.#senders.set(partition, sender);
    }
    return sender;
  }

  #stored(partition: number, batch: SealedBatch, baseOffset: number): void {
    let totals = this.#totals.get(partition);
    if (totals === undefined) {
      totals = { partition, records: 0, firstOffset: undefined, lastOffset: undefined };
      this.#totals.set(partition, totals);
    }
    if (totals.records === 0 && baseOffset >= 0) totals.firstOffset = baseOffset;
    if (baseOffset >= 0) totals.lastOffset = baseOffset + batch.records - 1;
    totals.records += batch.records;
    this.storedRecords += batch.records;
    this.storedBytes += batch.inputBytes;
    this.#pendingBytes -= batch.bytes.length;
    this.#changed();
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #change(): Promise<void> {
    this.failed.throwIfAborted();
    await new Promise<void>((resolve) => this.#wake.push(resolve));
  }
}

function sizeAtMost({ key, value, headers }: InputRecord): number {
  let size = RECORD_OVERHEAD_BYTES_MAX + (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) {
    size += HEADER_OVERHEAD_BYTES_MAX + Buffer.byteLength(header.key) + (header.value?.length ?? 0);
  }
  return size;
}

/** The codecs, by their names in `compression.type`. */
export const CODEC_NAMES = Object.keys(Codec);
