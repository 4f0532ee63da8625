import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliOf, runCli } from '../integration/cli/cli-run.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { KafkaBroker } from '../support/kafka-broker.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { kafkajsClient } from '../support/kafkajs-client.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

/** A first run fetches some hundred jars; then a broker starts twice and cleans a topic. */
const KAFKA_TIMEOUT_MS = scaled(300_000);
const CLEANED_MS = 90_000;

const missing = mavenMissing();
const HAVE_KAFKA = have('Kafka itself', missing === undefined, `${missing}. Install maven with a Java 17 to run it.`);

/** Node 20 does not compress with zstd: one of Kafka's own producers does. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4'];
const TOPICS = ['mixed', 'compacted', 'trimmed', 'empty'] as const;
type TopicName = (typeof TOPICS)[number];

/** The records of a topic's partitions as JSON lines, by isolation level. */
type Reading = Readonly<Record<'read_uncommitted' | 'read_committed', readonly string[]>>;

describe.skipIf(!HAVE_KAFKA)('segments import of the log directory of Kafka itself', () => {
  const folder = temporaryFolder();
  const data = join(folder.path, 'kafka');
  const properties = {
    'log.dirs': data,
    'log.retention.ms': '-1',
    'log.cleaner.backoff.ms': '200',
    'log.initial.task.delay.ms': '200',
    'log.segment.bytes': String(1024 * 1024),
  };
  const readings = new Map<string, Reading>();
  let tidelog: BrokerProcess;
  const cli = cliOf(() => tidelog.bootstrap);

  async function read(cliTo: typeof cli, topic: string): Promise<Reading> {
    const of = async (isolation: string) => {
      const args = ['consume', topic, '--from-beginning', '--until-end', '--json', '--isolation', isolation];
      const run = await cliTo(args);
      expect(run).toMatchObject({ exitCode: 0 });
      return run.out.split('\n').sort();
    };
    return { read_uncommitted: await of('read_uncommitted'), read_committed: await of('read_committed') };
  }

  beforeAll(async () => {
    let broker = await KafkaBroker.start(properties);
    const kafkaCli = cliOf(() => `127.0.0.1:${broker.port}`);
    try {
      await fill(broker, kafkaCli, data);
    } finally {
      await broker.stop();
    }
    // A new start is a new leader epoch.
    // What is read now has to be what is in the files at the end.
    broker = await KafkaBroker.start({ ...properties, 'log.cleaner.enable': 'false' });
    try {
      await kafkaCli(['produce', 'mixed', '--partition', '0'], { input: 'after the start\n' });
      await kafkaCli(['produce', 'compacted', '-K', '='], { input: 'k0=after the start\n' });
      for (const topic of TOPICS) readings.set(topic, await read(kafkaCli, topic));
    } finally {
      await broker.stop();
    }
    tidelog = await startBrokerProcess(join(folder.path, 'tidelog'));
  }, KAFKA_TIMEOUT_MS);

  afterAll(async () => {
    await tidelog?.stop();
    folder.remove();
  });

  const logOf = (dir: string, partition: string) =>
    Buffer.concat(
      readdirSync(join(dir, partition))
        .filter((name) => name.endsWith('.log'))
        .sort()
        .map((name) => readFileSync(join(dir, partition, name))),
    );
  const textOf = (dir: string, partition: string) =>
    readFileSync(join(dir, partition, 'leader-epoch-checkpoint'), 'utf8');

  async function imported(topic: TopicName, ...flags: string[]) {
    const args = [
      'segments',
      'import',
      data,
      topic,
      '--data-dir',
      join(folder.path, 'tidelog'),
      '--log-level',
      'error',
    ];
    const run = runCli([...args, '--json', ...flags]);
    expect({ exitCode: await run.exitCode, err: run.err() }).toEqual({ exitCode: 0, err: '' });
    return JSON.parse(run.out().toString());
  }

  it.each(TOPICS)('makes a topic that reads the same: %s', { timeout: KAFKA_TIMEOUT_MS }, async (topic) => {
    const configs = topic === 'compacted' ? ['--topic-config', 'cleanup.policy=compact'] : [];
    const told = await imported(topic, ...configs);
    const expected = readings.get(topic)!;
    const found = await read(cli, topic);
    // Kafka keeps the records of an open transaction back from everybody else; the copy has aborted it.
    expect(found.read_committed).toEqual(expected.read_committed);
    expect(found.read_uncommitted).toEqual(expected.read_uncommitted);
    if (topic !== 'empty') expect(expected.read_uncommitted.length).toBeGreaterThan(50);
    expect(told.abortedTransactions).toBe(topic === 'mixed' ? 1 : 0);
    if (topic === 'mixed') expect(expected.read_committed.length).toBeLessThan(expected.read_uncommitted.length);
  });

  it('has the bytes of the log, its control batches and its leader epochs', { timeout: KAFKA_TIMEOUT_MS }, async () => {
    const copy = join(folder.path, 'copy');
    for (const topic of TOPICS) {
      expect(await cli(['segments', 'export', topic, copy])).toMatchObject({ exitCode: 0, err: '' });
    }
    for (const partition of ['mixed-0', 'mixed-1', 'compacted-0', 'empty-0']) {
      const own = logOf(data, partition);
      const copied = logOf(copy, partition);
      expect({ partition, isSame: copied.subarray(0, own.length).equals(own) }).toEqual({ partition, isSame: true });
      // Only the abort of the open transaction comes behind.
      expect({ partition, more: copied.length > own.length }).toEqual({ partition, more: partition === 'mixed-1' });
    }
    expect(textOf(copy, 'mixed-0')).toBe(textOf(data, 'mixed-0'));
    expect(textOf(data, 'mixed-0').split('\n').length).toBeGreaterThan(4);
    const own = logOf(data, 'trimmed-0');
    const copied = logOf(copy, 'trimmed-0');
    expect(own.subarray(own.length - copied.length).equals(copied)).toBe(true);
    expect(copied.length).toBeLessThan(own.length);
  });

  it('lets producers and groups go on', { timeout: KAFKA_TIMEOUT_MS }, async () => {
    const kafka = kafkajsClient(tidelog);
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const [sent] = await producer.send({ topic: 'mixed', messages: [{ partition: 0, key: 'k', value: 'goes on' }] });
    const lines = readings.get('mixed')!.read_uncommitted.filter((line) => line !== '');
    const read = lines.map((line) => JSON.parse(line));
    const offsets = read.filter(({ partition }) => partition === 0).map(({ offset }) => Number(offset));
    expect(Number(sent!.baseOffset)).toBeGreaterThanOrEqual(Math.max(...offsets) + 1);
    await producer.disconnect();
    const group = ['consume', 'mixed', '--group', 'laptop', '--from-beginning', '--until-end', '--json'];
    const records = (out: string) => out.split('\n').filter((line) => line !== '');
    const first = records((await cli([...group, '--isolation', 'read_committed'])).out);
    expect(first.length).toBe(readings.get('mixed')!.read_committed.length);
    await cli(['produce', 'mixed', '--partition', '1'], { input: 'later\n' });
    const second = records((await cli(group)).out).map((line) => JSON.parse(line));
    expect(second).toMatchObject([{ partition: 1, value: 'later' }]);
  });
});

/** Every codec, transactions that were committed, aborted and left open, a compacted topic, one that starts later. */
async function fill(broker: KafkaBroker, cli: ReturnType<typeof cliOf>, data: string): Promise<void> {
  const done = async (args: readonly string[], input = '') =>
    expect(await cli(args, { input })).toMatchObject({ exitCode: 0 });
  await done(['topics', 'create', 'mixed', '-p', '2']);
  const compact = ['cleanup.policy=compact', 'min.cleanable.dirty.ratio=0.01', 'segment.ms=1000'];
  await done(['topics', 'create', 'compacted', '-p', '1', ...compact.flatMap((config) => ['-c', config])]);
  await done(['topics', 'create', 'trimmed', '-p', '1']);
  await done(['topics', 'create', 'empty', '-p', '1']);
  for (const [index, codec] of CODECS.entries()) {
    const lines = Array.from({ length: 300 }, (_, line) => `${codec} ${line} ${'x'.repeat(line % 90)}\n`).join('');
    await done(['produce', 'mixed', '--partition', String(index % 2), '-z', codec, '--batch-size', '2000'], lines);
    await done(['produce', 'trimmed', '-z', codec, '--batch-size', '2000'], lines);
  }
  const bootstrap = `${broker.host}:${broker.port}`;
  const tools = await KafkaTools.of({ bootstrap });
  const zstd = Array.from({ length: 300 }, (_, line) => `zstd ${line} ${'x'.repeat(line % 90)}\n`).join('');
  await tools.output('kafka-console-producer', ['--topic', 'mixed', '--compression-codec', 'zstd'], zstd);
  tools.close();
  await done(['topics', 'delete-records', 'trimmed', '--before-offset', '401']);
  const kafka = kafkajsClient({ ...broker, bootstrap });
  const writer = async (id: string) => {
    const producer = kafka.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    return producer;
  };
  const [first, second, left] = [await writer('a'), await writer('b'), await writer('left')];
  for (let round = 0; round < 30; round++) {
    const messages = (partition: number) =>
      Array.from({ length: 4 }, (_, index) => ({
        partition,
        key: `k${(round + index) % 12}`,
        value: index === 3 && round % 5 === 0 ? null : `${round} `.repeat(700),
        headers: { round: String(round), 'a second': Buffer.of(0, 255) },
      }));
    const [one, two] = [await first.transaction(), await second.transaction()];
    await one.send({ topic: 'mixed', messages: messages(0) });
    await two.send({ topic: 'mixed', messages: messages(1) });
    await one.send({ topic: 'compacted', messages: messages(0) });
    await (round % 3 === 0 ? one.abort() : one.commit());
    await (round % 4 === 0 ? two.abort() : two.commit());
  }
  const open = await left.transaction();
  await open.send({ topic: 'mixed', messages: [{ partition: 1, key: 'open', value: 'never ended' }] });
  const lines = Array.from({ length: 400 }, (_, line) => `k${line % 60}=${'y'.repeat(line)}\n`).join('');
  for (let round = 0; round < 8; round++) await done(['produce', 'compacted', '-K', '='], lines);
  await until(
    async () => {
      await done(['produce', 'compacted', '-K', '='], 'rolls=the segment\n');
      const cleaned = readFileSync(join(data, 'cleaner-offset-checkpoint'), 'utf8');
      return /^compacted 0 [1-9]\d{3}/m.test(cleaned);
    },
    'the cleaner',
    { withinMs: CLEANED_MS },
  );
  for (const producer of [first, second]) await producer.disconnect();
}
