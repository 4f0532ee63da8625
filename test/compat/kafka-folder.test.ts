import { readdirSync, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZERO_UUID } from '../../lib/core/uuid.ts';
import { lastOffset, splitBatches } from '../../lib/records/batch.ts';
import {
  type FolderContents,
  type LogFolder,
  readFolder,
  readLogFile,
} from '../../lib/segments/files/folder-reader.ts';
import { filesOfPart } from '../../lib/segments/files/part-files.ts';
import { buildSegmentSet, type PartContent } from '../../lib/segments/format/segment-set.ts';
import { TransactionTracker } from '../../lib/segments/format/transaction-tracker.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { KafkaBroker } from '../support/kafka-broker.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { CompressionTypes, kafkajsClient } from '../support/kafkajs-client.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';
import { bytesOf, KEY } from '../unit/segments/format/contents.ts';

/** A first run fetches some hundred jars; then a broker starts, takes a few MiB and ends. */
const KAFKA_TIMEOUT_MS = scaled(300_000);
/** The smallest that Kafka allows. */
const SEGMENT_BYTES = 1024 * 1024;
const TOPIC = 'history';

const missing = mavenMissing();
const HAVE_KAFKA = have('Kafka itself', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

class DiskFolder implements LogFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async list() {
    return readdirSync(this.#path).map((name) => ({ name, size: statSync(join(this.#path, name)).size }));
  }

  async read(name: string, start: number, end: number): Promise<Buffer> {
    const file = await open(join(this.#path, name));
    const bytes = Buffer.alloc(end - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start).finally(() => file.close());
    return bytes.subarray(0, bytesRead);
  }
}

describe.skipIf(!HAVE_KAFKA)('the folder of a partition that Kafka wrote', () => {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  const path = join(data, `${TOPIC}-0`);
  let topicId: string;
  let found: FolderContents;
  const contents: PartContent[] = [];

  beforeAll(async () => {
    const broker = await KafkaBroker.start({ 'log.dirs': data, 'log.retention.ms': '-1' });
    try {
      topicId = await produce(broker);
    } finally {
      await broker.stop();
    }
    const disk = new DiskFolder(path);
    found = await readFolder(disk);
    const transactions = new TransactionTracker();
    for (const log of found.logs) {
      const batches: Buffer[] = [];
      for await (const piece of readLogFile(disk, log, transactions)) {
        if (piece.kind === 'batches') batches.push(...piece.batches.map(({ bytes }) => bytes));
        else contents.push({ partition: 0, baseOffset: log.baseOffset, batches, ...piece });
      }
    }
  }, KAFKA_TIMEOUT_MS);

  afterAll(() => folder.remove());

  it('is read whole, with its topic, its leader epochs and the offsets of its segments', () => {
    expect(found.topicId).toBe(topicId);
    expect(found.epochs).toEqual([{ epoch: 0, startOffset: 0 }]);
    expect(found.logs.length).toBeGreaterThan(3);
    for (const [index, { name }] of found.logs.entries()) {
      expect(Buffer.concat(contents[index]!.batches).equals(readFileSync(join(path, name)))).toBe(true);
    }
    const last = splitBatches(contents.at(-1)!.batches.at(-1)!)[0]!;
    expect(contents.at(-1)!.nextOffset).toBe(lastOffset(last.header) + 1);
    expect(contents.flatMap(({ aborted }) => aborted).length).toBeGreaterThan(10);
  });

  it('becomes segments whose indexes are those that Kafka wrote, byte for byte', () => {
    const set = buildSegmentSet(contents, { key: KEY });
    const object = bytesOf(set);
    expect(set.parts[0]!.offsetIndexBytes).toBeGreaterThan(10 * 8);
    expect(set.parts.reduce((sum, { timeIndexBytes }) => sum + timeIndexBytes, 0)).toBeGreaterThan(10 * 12);
    for (const part of set.parts) {
      const { start, length } = part.index;
      const files = filesOfPart(KEY, part, object.subarray(start, start + length));
      for (const { name, bytes } of files.indexes) {
        expect({ name, hex: bytes.toString('hex') }).toEqual({
          name,
          hex: readFileSync(join(path, name)).toString('hex'),
        });
      }
      const names = readdirSync(path).filter((name) => name.startsWith(files.log.slice(0, -3)) && /index$/.test(name));
      const empty = names.filter((name) => statSync(join(path, name)).size === 0);
      const written = files.indexes.map(({ name }) => name);
      expect(names.filter((name) => !written.includes(name))).toEqual(
        empty.filter((name) => name.endsWith('.txnindex')),
      );
    }
  });
});

/** Fills several segments: plain, compressed, in transactions of two producers that overlap. Returns the topic's id. */
async function produce(broker: KafkaBroker): Promise<string> {
  const kafka = kafkajsClient({ ...broker, bootstrap: `${broker.host}:${broker.port}` });
  const admin = kafka.admin();
  await admin.connect();
  const configEntries = [{ name: 'segment.bytes', value: String(SEGMENT_BYTES) }];
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1, configEntries }] });
  await admin.disconnect();
  const retry = { retries: 20 };
  const plain = kafka.producer({ retry });
  const writers = ['a', 'b'].map((id) =>
    kafka.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1, retry }),
  );
  const all = [plain, ...writers];
  for (const producer of all) await producer.connect();
  const codecs = [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy, CompressionTypes.LZ4];
  // Later than the markers, which Kafka gives its own time; Kafka allows an hour.
  const start = Date.now() + 1_200_000;
  for (let round = 0; round < 60; round++) {
    const messages = (size: number) =>
      Array.from({ length: 5 }, (_, index) => ({
        key: `k${index}`,
        value: `${round} `.repeat(size),
        timestamp: String(start + round * 100 - (round % 3) * 150 + index),
      }));
    const [first, second] = await Promise.all(writers.map((writer) => writer.transaction()));
    await first!.send({ topic: TOPIC, messages: messages(3_000) });
    await second!.send({ topic: TOPIC, messages: messages(2_000) });
    await plain.send({ topic: TOPIC, messages: messages(6_000), compression: codecs[round % codecs.length]! });
    await (round % 3 === 0 ? first!.abort() : first!.commit());
    await plain.send({ topic: TOPIC, messages: messages(20) });
    await (round % 4 === 0 ? second!.abort() : second!.commit());
  }
  for (const producer of all) await producer.disconnect();
  const client = await TcpClient.connect(broker);
  const { topics } = await client.ask(ApiKey.Metadata, 12, { topics: [{ topicId: ZERO_UUID, name: TOPIC }] });
  client.close();
  return topics[0]!.topicId;
}
