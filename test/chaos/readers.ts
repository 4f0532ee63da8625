import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from '../../lib/core/errors.ts';
import { computeCrc } from '../../lib/records/batch.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { readValue } from '../crash/producer.ts';
import { between } from '../crash/seeded.ts';
import type { Report } from '../simulation/ledger.ts';
import { readRecords } from '../support/read-records.ts';
import '../support/kafkajs-fresh-buffers.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { type LowBroker, type LowCluster, lowCluster } from '../support/kafkajs-client.ts';
import { batchesIn, type Fetched, fetchRequest, type TopicName } from '../support/requests.ts';
import { within } from './waiting.ts';
import { type ReadRecord, recordId, type Witness } from './witness.ts';

export interface ReaderOptions {
  readonly name: string;
  readonly topic: TopicName;
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly witness: Witness;
  readonly random: () => number;
  readonly report: Report;
}

/** Reads all partitions of a topic from their beginning, all the time. */
export interface Reader {
  readonly name: string;
  /** The next offset of each partition. */
  readonly positions: readonly number[];
  /** Polls until `mayStop`. */
  run(mayStop: () => boolean): Promise<void>;
}

const FETCH_VERSION = 12;
const LIST_VERSION = 7;
const LATEST = -1;
const MAX_WAIT_MS = 300;
/** Beyond it a gateway stands still, and the reader turns to another; ms. */
const PATIENCE_MS = 4_000;
const PARTITION_BYTES = 128 * 1024;
const OUT_OF_RANGE = errorCode('OFFSET_OUT_OF_RANGE');
const UNKNOWN_TOPIC = errorCode('UNKNOWN_TOPIC_OR_PARTITION');
const RETRIABLE = new Set([errorCode('KAFKA_STORAGE_ERROR'), errorCode('REQUEST_TIMED_OUT')]);

/** A reader by raw Fetch requests: it looks at the batches' bytes, wanders between gateways, and asks for the ends. */
export class RawReader implements Reader {
  readonly name: string;
  readonly positions: number[];
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.name = options.name;
    this.positions = Array.from({ length: options.witness.partitions }, () => 0);
  }

  async run(mayStop: () => boolean): Promise<void> {
    const { addresses, random } = this.#options;
    while (!mayStop()) {
      const client = await TcpClient.connect(addresses[between(random, 0, addresses.length - 1)]!);
      while (!mayStop()) {
        if (!(await this.#poll(client)) || random() < 0.03) break;
        if (random() < 0.1 && !(await this.#askEnd(client, between(random, 0, this.positions.length - 1)))) break;
      }
      client.raw.reset();
      await wait(between(random, 5, 200));
    }
  }

  /** False if the connection is of no more use. */
  async #poll(client: TcpClient): Promise<boolean> {
    const { topic } = this.#options;
    const asked = [...this.positions];
    const limits = { version: FETCH_VERSION, maxWaitMs: MAX_WAIT_MS, partitionMaxBytes: PARTITION_BYTES };
    const told = await within(
      client.tell(ApiKey.Fetch, FETCH_VERSION, fetchRequest(topic, limits, asked)),
      PATIENCE_MS,
    );
    if (told === 'late' || told.kind !== 'answer') return false;
    for (const partition of told.body.responses[0]?.partitions ?? []) {
      if (partition.errorCode === 0) this.#take(partition, asked[partition.partitionIndex]!);
      else this.#failed(partition.errorCode, `partition ${partition.partitionIndex}`);
    }
    return true;
  }

  #take({ partitionIndex, records, highWatermark }: Fetched, asked: number): void {
    const { name, witness, report } = this.#options;
    const found: ReadRecord[] = [];
    for (const { header, bytes } of batchesIn(records)) {
      if (computeCrc(bytes) !== header.crc) report('altered', `${name}: the batch at ${header.baseOffset}`);
      for (const { offset, value } of readRecords(bytes)) found.push({ offset, id: idOf(value) });
    }
    const poll = { who: name, partition: partitionIndex, asked, records: found, highWatermark };
    this.positions[partitionIndex] = witness.polled(poll);
  }

  async #askEnd(client: TcpClient, partition: number): Promise<boolean> {
    const { name, topic, witness } = this.#options;
    const floor = witness.floor(partition);
    const partitions = [{ partitionIndex: partition, currentLeaderEpoch: -1, timestamp: LATEST }];
    const body = { replicaId: -1, isolationLevel: 0, topics: [{ name: topic.name, partitions }] };
    const told = await within(client.tell(ApiKey.ListOffsets, LIST_VERSION, body), PATIENCE_MS);
    if (told === 'late' || told.kind !== 'answer') return false;
    const [answer] = told.body.topics[0]!.partitions;
    if (answer!.errorCode === 0) witness.toldEnd(name, partition, floor, answer!.offset);
    else this.#failed(answer!.errorCode, `the end of partition ${partition}`);
    return true;
  }

  #failed(code: number, where: string): void {
    if (RETRIABLE.has(code)) return;
    const { name, report } = this.#options;
    const kind = { [OUT_OF_RANGE]: 'wronglyOutOfRange', [UNKNOWN_TOPIC]: 'unknownTopic' } as const;
    report(kind[code] ?? 'unexpectedError', `${name}, ${where}: error ${code}`);
  }
}

/** A reader by what kafkajs' consumers are built on. */
export class KafkajsReader implements Reader {
  readonly name: string;
  readonly positions: number[];
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
    this.name = options.name;
    this.positions = Array.from({ length: options.witness.partitions }, () => 0);
  }

  async run(mayStop: () => boolean): Promise<void> {
    const { addresses, topic, random } = this.#options;
    const brokers = addresses.map(({ host, port }) => ({ bootstrap: `${host}:${port}` }));
    while (!mayStop()) {
      const turn = between(random, 0, brokers.length - 1);
      const cluster = lowCluster(...brokers.slice(turn), ...brokers.slice(0, turn));
      try {
        const node = await within(this.#connect(cluster, topic.name), PATIENCE_MS);
        while (node !== 'late' && !mayStop() && (await this.#poll(node)) && random() > 0.01);
      } catch (error) {
        this.#failed(error as Error & { readonly type?: string });
      }
      void cluster.disconnect().catch(() => {});
      await wait(between(random, 20, 400));
    }
  }

  async #connect(cluster: LowCluster, topic: string): Promise<LowBroker> {
    await cluster.connect();
    await cluster.addTargetTopic(topic);
    return cluster.findBroker({ nodeId: cluster.findTopicPartitionMetadata(topic)[0]!.leader });
  }

  /** False if the gateway stands still. */
  async #poll(node: LowBroker): Promise<boolean> {
    const { name, topic, witness } = this.#options;
    const asked = [...this.positions];
    const partitions = asked.map((offset, partition) => ({
      partition,
      fetchOffset: String(offset),
      maxBytes: PARTITION_BYTES,
    }));
    const answer = await within(
      node.fetch({
        maxWaitTime: MAX_WAIT_MS,
        minBytes: 1,
        maxBytes: PARTITION_BYTES * asked.length,
        isolationLevel: 1,
        topics: [{ topic: topic.name, partitions }],
      }),
      PATIENCE_MS,
    );
    if (answer === 'late') return false;
    for (const { partition, highWatermark, messages } of answer.responses[0]?.partitions ?? []) {
      const records = messages.map(({ offset, value }) => ({ offset: Number(offset), id: idOf(value) }));
      const poll = { who: name, partition, asked: asked[partition]!, records, highWatermark: Number(highWatermark) };
      this.positions[partition] = witness.polled(poll);
    }
    return true;
  }

  #failed(error: Error & { readonly type?: string }): void {
    const { name, report } = this.#options;
    if (error.type === 'OFFSET_OUT_OF_RANGE') report('wronglyOutOfRange', `${name}: ${error.message}`);
    else if (error.type?.startsWith('UNKNOWN_TOPIC') === true) report('unknownTopic', `${name}: ${error.message}`);
    else if (error.type?.startsWith('CORRUPT') === true) report('altered', `${name}: ${error.message}`);
  }
}

function idOf(value: Buffer | null): string {
  const read = readValue(value ?? Buffer.alloc(0));
  return read === undefined ? 'a stranger' : recordId(read);
}
