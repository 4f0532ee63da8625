import { randomBytes } from 'node:crypto';
import { encodeBatch } from '../../../lib/records/encode.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import type { KafkaClient } from '../../support/kafka-client.ts';
import { fetchRequest, type TopicName } from '../../support/requests.ts';

const MIB = 1024 * 1024;

/** Records of 1,000 random bytes, so many that a batch has about 64 KiB. */
const RECORDS_PER_BATCH = 64;
const VALUE_BYTES = 1_000;

/** Requests that the producer has in flight. */
const IN_FLIGHT = 8;

/** Defaults of Kafka's Java consumer. */
const FETCH = { maxWaitMs: 500, minBytes: 1, maxBytes: 50 * MIB, partitionMaxBytes: MIB };

/** Writes to all partitions of a topic, one batch for each with every request. */
export class Load {
  readonly #client: KafkaClient;
  readonly #topic: TopicName;
  readonly #partitions: number;
  readonly #batch: Buffer;

  constructor(client: KafkaClient, topic: TopicName, partitions: number) {
    this.#client = client;
    this.#topic = topic;
    this.#partitions = partitions;
    const timestamp = Date.now();
    const records = Array.from({ length: RECORDS_PER_BATCH }, () => ({ timestamp, value: randomBytes(VALUE_BYTES) }));
    this.#batch = encodeBatch(records);
  }

  /** Writes at least so many bytes; resolves to what was acknowledged. */
  async write(bytes: number): Promise<number> {
    const perRequest = this.#batch.length * this.#partitions;
    let left = Math.ceil(bytes / perRequest);
    const requests = left;
    const send = async () => {
      while (left > 0) {
        left -= 1;
        await this.#send();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, send));
    return requests * perRequest;
  }

  async #send(): Promise<void> {
    const partitionData = Array.from({ length: this.#partitions }, (_, index) => ({ index, records: [this.#batch] }));
    const topicData = [{ name: this.#topic.name, partitionData }];
    const request = { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData };
    const { responses } = await this.#client.ask(ApiKey.Produce, 9, request);
    for (const { errorCode } of responses[0]!.partitionResponses) {
      if (errorCode !== 0) throw new Error(`a batch was answered with error ${errorCode}`);
    }
  }
}

/** Reads all partitions from these offsets on up to `ends`; resolves to the bytes read. */
export async function readAll(
  client: KafkaClient,
  topic: TopicName,
  from: readonly number[],
  ends: readonly number[],
): Promise<number> {
  const offsets = [...from];
  let bytes = 0;
  while (offsets.some((offset, index) => offset < ends[index]!)) {
    const { responses } = await client.ask(ApiKey.Fetch, 12, fetchRequest(topic, FETCH, offsets));
    for (const { partitionIndex, records, errorCode } of responses.flatMap(({ partitions }) => partitions)) {
      if (errorCode !== 0) throw new Error(`a fetch was answered with error ${errorCode}`);
      for (const chunk of chunksOf(records)) {
        bytes += chunk.length;
        offsets[partitionIndex] = endOf(chunk, offsets[partitionIndex]!);
      }
    }
  }
  return bytes;
}

function chunksOf(records: Buffer | readonly Buffer[] | null | undefined): readonly Buffer[] {
  if (records === null || records === undefined) return [];
  return Buffer.isBuffer(records) ? [records] : records;
}

/** The offset after the last batch. Throws if a batch does not follow the one before. */
function endOf(bytes: Buffer, offset: number): number {
  let end = offset;
  for (let at = 0; at + 27 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    const base = Number(bytes.readBigInt64BE(at));
    if (base > end) throw new Error(`offset ${end} is missing; the next batch begins at ${base}`);
    end = base + bytes.readInt32BE(at + 23) + 1;
  }
  return end;
}
