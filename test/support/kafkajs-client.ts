import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import type * as kafkajs from 'kafkajs';
import { compressFrame, decompressFrame } from 'lz4-napi';
import snappy from 'snappy';
import type { BrokerAddress } from './broker-process.ts';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

const requireKafkajs = createRequire(import.meta.url);
// Node finds only some of the names in this CommonJS module for an `import`.
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = requireKafkajs('kafkajs') as typeof kafkajs;
type CompressionTypes = kafkajs.CompressionTypes;
export const KAFKAJS_VERSION = (requireKafkajs('kafkajs/package.json') as { version: string }).version;

interface Encoder {
  readonly buffer: Buffer;
}

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;

/** Snappy as its plug-in for kafkajs does it: one raw block out, raw or in Java's framing in. */
async function snappyDecompress(buffer: Buffer): Promise<Buffer> {
  if (!buffer.subarray(0, XERIAL.length).equals(XERIAL)) return (await snappy.uncompress(buffer)) as Buffer;
  const parts: Buffer[] = [];
  for (let position = XERIAL_HEADER_BYTES; position < buffer.length; ) {
    const size = buffer.readInt32BE(position);
    position += 4;
    parts.push((await snappy.uncompress(buffer.subarray(position, position + size))) as Buffer);
    position += size;
  }
  return Buffer.concat(parts);
}

CompressionCodecs[CompressionTypes.Snappy] = () => ({
  compress: (encoder: Encoder) => snappy.compress(encoder.buffer),
  decompress: snappyDecompress,
});
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: (encoder: Encoder) => compressFrame(encoder.buffer),
  decompress: (buffer: Buffer) => decompressFrame(buffer),
});

/** What Node has from 22.15 on. */
const zstd = zlib as unknown as {
  zstdCompressSync?(data: Buffer): Buffer;
  zstdDecompressSync?(data: Buffer): Buffer;
};
const { zstdCompressSync, zstdDecompressSync } = zstd;

export const kafkajsHasZstd = zstdCompressSync !== undefined && zstdDecompressSync !== undefined;

CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder: Encoder) => zstdCompressSync!(encoder.buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync!(buffer),
});

export { CompressionTypes };

/** A kafkajs client of a broker. */
export function kafkajsClient(broker: BrokerAddress): kafkajs.Kafka {
  return new Kafka({
    clientId: 'compat',
    brokers: [broker.bootstrap],
    // It logs every error of an answer, also those that a test is about.
    logLevel: logLevel.NOTHING,
    retry: { retries: 2 },
  });
}

/** One record as kafkajs decodes it. */
export interface KafkajsRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string | null;
}

/** The lower layers of kafkajs that its consumer groups are built on. */
export interface LowCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number; leader: number }[];
  findBroker(node: { nodeId: number }): Promise<LowBroker>;
}

export interface LowBroker {
  fetch(request: {
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[];
  }): Promise<{ responses: { partitions: LowPartition[] }[] }>;
}

interface LowPartition {
  readonly partition: number;
  readonly highWatermark: string;
  readonly messages: {
    readonly offset: string;
    readonly timestamp: string;
    readonly key: Buffer | null;
    readonly headers: Readonly<Record<string, Buffer>>;
    readonly value: Buffer | null;
  }[];
}

const MIB = 1024 * 1024;

/** Reads a topic to its end without a consumer group, each partition from `from` on (0 where it says nothing). */
export async function kafkajsRead(
  broker: BrokerAddress,
  topic: string,
  from: ReadonlyMap<number, number> = new Map(),
): Promise<KafkajsRecord[]> {
  const cluster = lowCluster(broker);
  await cluster.connect();
  try {
    await cluster.addTargetTopic(topic);
    const records: KafkajsRecord[] = [];
    for (const { partitionId, leader } of cluster.findTopicPartitionMetadata(topic)) {
      const node = await cluster.findBroker({ nodeId: leader });
      records.push(...(await readPartition(node, topic, partitionId, from.get(partitionId) ?? 0)));
    }
    return records;
  } finally {
    await cluster.disconnect();
  }
}

async function readPartition(node: LowBroker, topic: string, partition: number, from: number) {
  const records: KafkajsRecord[] = [];
  for (let next = from; ; ) {
    const partitions = [{ partition, fetchOffset: String(next), maxBytes: MIB }];
    const { responses } = await node.fetch({
      maxWaitTime: 100,
      minBytes: 1,
      maxBytes: 10 * MIB,
      isolationLevel: 1,
      topics: [{ topic, partitions }],
    });
    const [answer] = responses[0]!.partitions;
    for (const message of answer!.messages) {
      // A fetch in the middle of a batch brings the whole batch; kafkajs' own consumer drops what is before, too.
      if (Number(message.offset) < next) continue;
      const headers = Object.entries(message.headers).map(([key, value]) => [key, String(value)]);
      records.push({
        partition,
        offset: Number(message.offset),
        timestamp: Number(message.timestamp),
        key: message.key === null ? null : String(message.key),
        headers: Object.fromEntries(headers),
        value: message.value === null ? null : String(message.value),
      });
    }
    next = records.length === 0 ? from : records.at(-1)!.offset + 1;
    if (next >= Number(answer!.highWatermark)) return records;
  }
}

/** What kafkajs' own consumer makes of the answer for one partition: a batch without control records and aborted ones. */
interface LowBatch {
  readonly messages: LowPartition['messages'];
  isEmptyIncludingFiltered(): boolean;
  lastOffset(): string;
}

/** Values of all partitions as its consumer hands them out, up to where it is not given more, as `PARTITION:VALUE`. */
export async function kafkajsReadIsolated(
  broker: BrokerAddress,
  topic: string,
  isCommitted: boolean,
): Promise<string[]> {
  const Batch = requireKafkajs('kafkajs/src/consumer/batch') as new (
    topic: string,
    fetchedOffset: string,
    answer: LowPartition,
  ) => LowBatch;
  const cluster = lowCluster(broker);
  await cluster.connect();
  try {
    await cluster.addTargetTopic(topic);
    const values: string[] = [];
    const partitions = cluster.findTopicPartitionMetadata(topic).sort((a, b) => a.partitionId - b.partitionId);
    for (const { partitionId: partition, leader } of partitions) {
      const node = await cluster.findBroker({ nodeId: leader });
      for (let next = 0n; ; ) {
        const fetchOffset = String(next);
        const { responses } = await node.fetch({
          maxWaitTime: 100,
          minBytes: 1,
          maxBytes: 10 * MIB,
          isolationLevel: isCommitted ? 1 : 0,
          topics: [{ topic, partitions: [{ partition, fetchOffset, maxBytes: MIB }] }],
        });
        const batch = new Batch(topic, fetchOffset, responses[0]!.partitions[0]!);
        if (batch.isEmptyIncludingFiltered()) break;
        values.push(...batch.messages.map(({ value }) => `${partition}:${value}`));
        next = BigInt(batch.lastOffset()) + 1n;
      }
    }
    return values;
  } finally {
    await cluster.disconnect();
  }
}

/** The lower layers of a client of one broker, or of any of several. */
export function lowCluster(...brokers: readonly { readonly bootstrap: string }[]): LowCluster {
  const Cluster = requireKafkajs('kafkajs/src/cluster') as new (options: object) => LowCluster;
  const { createLogger } = requireKafkajs('kafkajs/src/loggers') as { createLogger(options: object): object };
  const socketFactory = requireKafkajs('kafkajs/src/network/socketFactory') as () => object;
  const logCreator = requireKafkajs('kafkajs/src/loggers/console') as object;
  return new Cluster({
    logger: createLogger({ level: logLevel.NOTHING, logCreator }),
    socketFactory: socketFactory(),
    brokers: brokers.map(({ bootstrap }) => bootstrap),
    clientId: 'compat-reader',
    connectionTimeout: 5_000,
    authenticationTimeout: 5_000,
    reauthenticationThreshold: 10_000,
    metadataMaxAge: 300_000,
    allowAutoTopicCreation: false,
    isolationLevel: 1,
    maxInFlightRequests: null,
    retry: { retries: 2 },
  });
}
