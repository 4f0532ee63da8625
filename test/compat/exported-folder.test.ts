import { appendFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastOffset, splitBatches } from '../../lib/records/batch.ts';
import { Codec } from '../../lib/records/compression/codec.ts';
import { LEADER_EPOCH_FILE, PARTITION_METADATA_FILE } from '../../lib/segments/files/file-names.ts';
import { SegmentFileWriter } from '../../lib/segments/files/file-writer.ts';
import { encodeLeaderEpochs } from '../../lib/segments/files/leader-epoch-checkpoint.ts';
import { encodePartitionMetadata } from '../../lib/segments/files/partition-metadata.ts';
import { temporaryFolder } from '../support/broker-process.ts';
import { KafkaBroker } from '../support/kafka-broker.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { createTopic, fetch, listOffset, type TopicName } from '../support/requests.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';
import { contentOf, type Step } from '../unit/segments/format/contents.ts';

/** A first run fetches some hundred jars; then a broker starts twice. */
const KAFKA_TIMEOUT_MS = scaled(300_000);
/** Small, so that there are several segments. */
const SEGMENT_BYTES = 40_000;

const missing = mavenMissing();
const HAVE_KAFKA = have('Kafka itself', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

const START = 1_700_000_000_000;
const codecs = [Codec.none, Codec.gzip, Codec.snappy, Codec.lz4];
const steps = Array.from({ length: 80 }, (_, round): Step[] => {
  const timestamps = [0, 1, 2].map((index) => START + round * 100 - (round % 5) * 170 + index);
  return [
    { kind: 'data', timestamps, valueBytes: 150, producer: 1 },
    { kind: 'data', timestamps, valueBytes: 100, producer: 2 },
    { kind: 'data', timestamps, valueBytes: 500, codec: codecs[round % codecs.length]! },
    { kind: 'marker', producer: 1, type: round % 3 === 0 ? 'abort' : 'commit', timestamp: timestamps[0]! },
    { kind: 'data', timestamps, valueBytes: 20 },
    { kind: 'marker', producer: 2, type: round % 4 === 0 ? 'abort' : 'commit', timestamp: timestamps[0]! },
  ];
}).flat();
const log = contentOf(steps);
const batches = log.batches.flatMap((bytes) => splitBatches(bytes));

describe.skipIf(!HAVE_KAFKA)('Kafka itself, started on the files of a log', () => {
  const folder = temporaryFolder();
  const data = join(folder.path, 'data');
  const path = join(data, 'exported-0');
  const properties = { 'log.dirs': data, 'log.retention.ms': '-1' };
  let broker: KafkaBroker;
  let client: TcpClient;
  let topic: TopicName;

  beforeAll(async () => {
    const first = await KafkaBroker.start(properties);
    try {
      const admin = await TcpClient.connect(first);
      topic = await createTopic(admin, 'exported', { partitions: 1 });
      admin.close();
    } finally {
      await first.stop();
    }
    await exportLog();
    broker = await KafkaBroker.start(properties);
    client = await TcpClient.connect(broker);
    await until(async () => (await fetch(client, topic)).errorCode === 0, 'the partition');
  }, 2 * KAFKA_TIMEOUT_MS);

  afterAll(async () => {
    client?.close();
    await broker?.stop();
    folder.remove();
  });

  async function exportLog(): Promise<void> {
    rmSync(path, { recursive: true });
    mkdirSync(path);
    const sink = { append: async (name: string, bytes: Buffer) => appendFileSync(join(path, name), bytes) };
    const writer = new SegmentFileWriter(sink, 0, { segmentBytes: SEGMENT_BYTES });
    await writer.append(batches);
    await writer.finish();
    writeFileSync(join(path, PARTITION_METADATA_FILE), encodePartitionMetadata(topic.id));
    writeFileSync(join(path, LEADER_EPOCH_FILE), encodeLeaderEpochs([{ epoch: 0, startOffset: 0 }]));
  }

  it('returns every batch, byte for byte', async () => {
    expect(readdirSync(path).filter((name) => name.endsWith('.log')).length).toBeGreaterThan(3);
    const read: Buffer[] = [];
    for (let offset = 0; offset < log.nextOffset; ) {
      const { errorCode, highWatermark, records } = await fetch(client, topic, { offset });
      expect({ errorCode, highWatermark }).toEqual({ errorCode: 0, highWatermark: log.nextOffset });
      const found = splitBatches(records!);
      read.push(...found.map(({ bytes }) => bytes));
      offset = lastOffset(found.at(-1)!.header) + 1;
    }
    expect(Buffer.concat(read).equals(Buffer.concat(log.batches))).toBe(true);
  });

  it('finds the batch of every offset', async () => {
    for (let offset = 0; offset < log.nextOffset; offset += 7) {
      const { records } = await fetch(client, topic, { offset });
      const expected = batches.find(({ header }) => lastOffset(header) >= offset)!;
      expect(splitBatches(records!)[0]!.header).toEqual(expected.header);
    }
  });

  it('knows the aborted transactions of every range', async () => {
    for (let offset = 0; offset < log.nextOffset; offset += 29) {
      const { records, abortedTransactions, lastStableOffset } = await fetch(client, topic, {
        offset,
        committed: true,
      });
      expect(lastStableOffset).toBe(log.nextOffset);
      const end = lastOffset(splitBatches(records!).at(-1)!.header) + 1;
      const told = abortedTransactions!.filter(({ firstOffset }) => firstOffset < end);
      const overlapping = log.aborted.filter((one) => one.lastOffset >= offset && one.firstOffset < end);
      expect(told).toEqual(overlapping.map(({ producerId, firstOffset }) => ({ producerId, firstOffset })));
    }
  });

  it('finds the first offset of every timestamp', async () => {
    const records = steps.flatMap((step) => {
      if (step.kind === 'data') return step.timestamps;
      return step.kind === 'marker' ? [step.timestamp] : [];
    });
    for (let timestamp = START - 200; timestamp < START + 8_000; timestamp += 333) {
      const { offset } = await listOffset(client, topic, timestamp);
      const expected = records.findIndex((one) => one >= timestamp);
      expect({ timestamp, offset }).toEqual({ timestamp, offset: expected });
    }
  });
});
