import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodecName } from '../../lib/records/compression/codec.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { kcat, kcatRead } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { batchOf, createTopic, deleteTopic, listOffset, produce } from '../support/requests.ts';
import { codecsOf, storedBatches } from '../support/stored-batches.ts';
import { have, haveKcat } from '../support/tools.ts';

/** A first run fetches some hundred jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const RECORDS = 10_000;
const PARTITIONS = 3;

const missing = mavenMissing();
const HAVE_TOOLS =
  have("Kafka's own tools", missing === undefined, `${missing}. Install maven with a Java 17 to run them.`) &&
  haveKcat();

describe.skipIf(!HAVE_TOOLS)("Kafka's own tools", () => {
  const folder = temporaryFolder();
  let broker: BrokerProcess;
  let client: TcpClient;
  let tools: KafkaTools;

  beforeAll(async () => {
    broker = await startBrokerProcess(folder.path);
    client = await TcpClient.connect(broker);
    tools = await KafkaTools.of(broker);
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    tools.close();
    client.close();
    await broker.stop();
    folder.remove();
  });

  const topics = (...args: string[]) => tools.output('kafka-topics', args);
  const configs = (...args: string[]) => tools.output('kafka-configs', args);
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');

  it('kafka-delete-records deletes below an offset and up to the end', async () => {
    const topic = await createTopic(client, 'shrunk-by-tool', { partitions: 2 });
    for (const partition of [0, 1]) await produce(client, topic, batchOf(['a', 'b', 'c']), { partition });
    const plan = join(folder.path, 'delete-records.json');
    const partitions = [
      { topic: topic.name, partition: 0, offset: 2 },
      { topic: topic.name, partition: 1, offset: -1 },
    ];
    writeFileSync(plan, JSON.stringify({ partitions, version: 1 }));
    const out = await tools.output('kafka-delete-records', ['--offset-json-file', plan]);
    expect(out).toMatch(/partition: shrunk-by-tool-0\s+low_watermark: 2/);
    expect(out).toMatch(/partition: shrunk-by-tool-1\s+low_watermark: 3/);
    expect(await listOffset(client, topic, -2)).toMatchObject({ offset: 2 });
    const beyond = [{ topic: topic.name, partition: 0, offset: 9 }];
    writeFileSync(plan, JSON.stringify({ partitions: beyond, version: 1 }));
    const refused = await tools.run('kafka-delete-records', ['--offset-json-file', plan]);
    expect(refused.out + refused.err).toContain('OffsetOutOfRangeException');
    await deleteTopic(client, topic.name);
  });

  describe('kafka-topics', () => {
    const topic = 'made-by-tool';

    it('creates a topic, once, and lists it', async () => {
      const create = ['--create', '--topic', topic, '--partitions', '2', '--replication-factor', '1'];
      expect(await topics(...create, '--config', 'retention.ms=3600000')).toBe(`Created topic ${topic}.\n`);
      const again = await tools.run('kafka-topics', create);
      expect(again).toMatchObject({ code: 1, out: expect.stringContaining(`'${topic}' already exists`) });
      expect(lines(await topics('--list'))).toEqual([topic]);
    });

    it('is told why a topic cannot be created', async () => {
      const named = await tools.run('kafka-topics', ['--create', '--topic', 'not/allowed']);
      expect(named).toMatchObject({ code: 1, err: expect.stringContaining('InvalidTopicException') });
    });

    it('describes a topic', async () => {
      const [head, ...partitions] = lines(await topics('--describe', '--topic', topic));
      expect(head!.split('\t').map((part) => part.trim())).toEqual([
        `Topic: ${topic}`,
        expect.stringMatching(/^TopicId: [\w-]{22}$/),
        'PartitionCount: 2',
        'ReplicationFactor: 1',
        'Configs: retention.ms=3600000',
      ]);
      expect(partitions.map((line) => line.trim().split(/\t/).slice(0, 5))).toEqual(
        [0, 1].map((partition) => [`Topic: ${topic}`, `Partition: ${partition}`, 'Leader: 0', 'Replicas: 0', 'Isr: 0']),
      );
      expect(await topics('--describe', '--under-replicated-partitions')).toBe('');
    });

    it('adds partitions, never takes any', async () => {
      await topics('--alter', '--topic', topic, '--partitions', '5');
      expect(lines(await topics('--describe', '--topic', topic))).toHaveLength(6);
      const fewer = await tools.run('kafka-topics', ['--alter', '--topic', topic, '--partitions', '2']);
      expect(fewer).toMatchObject({ code: 1, err: expect.stringContaining('InvalidPartitionsException') });
    });
  });

  describe('kafka-configs', () => {
    const ofTopic = ['--entity-type', 'topics', '--entity-name', 'made-by-tool'];
    const nowhere = ['--entity-type', 'topics', '--entity-name', 'nowhere'];
    const ofBroker = ['--entity-type', 'brokers', '--entity-name', '0'];
    const ofAllBrokers = ['--entity-type', 'brokers', '--entity-default'];

    it('describes and alters those of a topic', async () => {
      expect(await configs('--describe', ...ofTopic)).toMatch(
        /^Dynamic configs for topic made-by-tool are:\n {2}retention.ms=3600000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention.ms=3600000[^\n]*\}\n$/,
      );
      await configs('--alter', ...ofTopic, '--add-config', 'max.message.bytes=5000,cleanup.policy=[compact,delete]');
      await configs('--alter', ...ofTopic, '--delete-config', 'retention.ms');
      const described = await configs('--describe', ...ofTopic);
      expect(described).toMatch(/max.message.bytes=5000 /);
      expect(described).toMatch(/cleanup.policy=compact,delete /);
      expect(described).not.toContain('retention.ms=');
      const all = await configs('--describe', '--all', ...ofTopic);
      expect(all).toMatch(/retention.ms=604800000 sensitive=false synonyms=\{/);
      expect(all).toMatch(/max.message.bytes=5000 /);
    });

    it.each([
      ['a config that is not there', ofTopic, 'no.such.config=1', 'InvalidConfigurationException'],
      ['a value that cannot be', ofTopic, 'retention.ms=soon', 'InvalidConfigurationException'],
      ['a topic that is not there', nowhere, 'segment.ms=9', 'UnknownTopicOrPartitionException'],
      // Kafka answers so for configs that are not dynamic; here none of a broker's is.
      ['a config of a broker', ofBroker, 'log.retention.ms=1', 'InvalidRequestException'],
      ['a config of all brokers', ofAllBrokers, 'log.retention.ms=1', 'InvalidRequestException'],
    ])('is told that it cannot alter %s', async (_, entity, config, error) => {
      const told = await tools.run('kafka-configs', ['--alter', ...entity, '--add-config', config]);
      expect(told).toMatchObject({ code: 1, err: expect.stringContaining(error) });
    });

    it('are honoured at once', async () => {
      const refused = kcat(broker, ['-P', '-t', 'made-by-tool'], { stdin: `${'x'.repeat(6_000)}\n` });
      await expect(refused).rejects.toThrow(/too large/i);
    });

    it('describes those of the broker and of all brokers', async () => {
      const [dynamic, all, defaults] = await Promise.all([
        configs('--describe', ...ofBroker),
        configs('--describe', '--all', ...ofBroker),
        configs('--describe', ...ofAllBrokers),
      ]);
      expect(dynamic).toContain('Dynamic configs for broker 0 are:');
      expect(all).toMatch(/auto.create.topics.enable=true sensitive=false/);
      expect(defaults).toContain('Default configs for brokers in the cluster are:');
    });
  });

  describe('kafka-console-producer', () => {
    // Kafka's own partitioner and codecs, which what Java clients write is made with.
    const codecs: [CodecName, boolean][] = [
      ['none', true],
      ['gzip', false],
      ['snappy', true],
      ['lz4', true],
      ['zstd', true],
    ];

    it.each(codecs)('and -consumer write and read 10,000 records (%s, idempotence: %s)', async (codec, idempotent) => {
      const topic = `console-${codec}`;
      await createTopic(client, topic, { partitions: PARTITIONS });
      const records = Array.from({ length: RECORDS }, (_, index) => ({
        key: `key-${(index * 7919) % 1000}`,
        value: `value ${index} ${'é'.repeat(index % 20)}`,
      }));
      const stdin = records.map(({ key, value }) => `from:java,codec:${codec}\t${key}\t${value}\n`).join('');
      const reader = ['--reader-property', 'parse.key=true', '--reader-property', 'parse.headers=true'];
      const producer = ['--command-property', `enable.idempotence=${idempotent}`, '--compression-codec', codec];
      await tools.output('kafka-console-producer', ['--topic', topic, ...reader, ...producer], stdin);

      const read = await kcatRead(broker, topic);
      expect(read).toHaveLength(RECORDS);
      const written = new Map(records.map(({ key, value }) => [value, key]));
      expect(read.every(({ key, value }) => written.get(value) === key)).toBe(true);
      expect(new Set(read.map(({ headers }) => headers))).toEqual(new Set([`from=java,codec=${codec}`]));
      const stored = await storedBatches(broker, topic, 1);
      expect(codecsOf(stored)).toEqual([codec]);
      expect([...stored.producerIds].every((id) => (idempotent ? id >= 0 : id === -1))).toBe(true);

      await kcat(broker, ['-P', '-t', topic, '-p', '1', '-K', ':', '-z', codec], { stdin: 'k1:from kcat\nk2:last\n' });
      const own = [...read.filter(({ partition }) => partition === 1).map(({ value }) => value), 'from kcat', 'last'];
      const range = ['--partition', '1', '--offset', '10', '--max-messages', String(own.length - 10)];
      const consumed = await tools.output('kafka-console-consumer', ['--topic', topic, ...range]);
      expect(lines(consumed)).toEqual(own.slice(10));
    });

    it('is told of a record that is too large', async () => {
      const larger = ['--command-property', 'max.request.size=5000000', '--sync'];
      const { err } = await tools.run(
        'kafka-console-producer',
        ['--topic', 'console-none', ...larger],
        `${'x'.repeat(2_000_000)}\n`,
      );
      expect(err).toContain('RecordTooLargeException');
    });
  });

  it('kafka-get-offsets tells first and last offsets, by time, and of chosen partitions', async () => {
    const offsets = async (...args: string[]) => {
      const out = await tools.output('kafka-get-offsets', args);
      return lines(out).map((line) => line.split(':'));
    };
    const topic = 'console-gzip';
    const ends = await offsets('--topic', topic);
    expect(ends.map(([, partition]) => partition)).toEqual(['0', '1', '2']);
    expect(ends.reduce((sum, [, , offset]) => sum + Number(offset), 0)).toBe(RECORDS + 2);
    expect(await offsets('--topic-partitions', `${topic}:0,${topic}:2`, '--time', 'earliest')).toEqual([
      [topic, '0', '0'],
      [topic, '2', '0'],
    ]);
    const [first] = await kcatRead(broker, topic, 'beginning', ['-p', '0', '-c', '1']);
    expect(await offsets('--topic-partitions', `${topic}:0`, '--time', String(first!.timestamp))).toEqual([
      [topic, '0', '0'],
    ]);
    const future = String(Date.now() + 3_600_000);
    expect(await offsets('--topic-partitions', `${topic}:0`, '--time', future)).toEqual([]);
  });

  it('kafka-producer-perf-test writes as many records as it is asked for', async () => {
    const load = ['--num-records', '20000', '--record-size', '200', '--throughput', '-1'];
    const properties = ['--command-property', 'compression.type=lz4'];
    const out = await tools.output('kafka-producer-perf-test', ['--topic', 'console-lz4', ...load, ...properties]);
    expect(out).toMatch(/^20000 records sent, /m);
    expect((await kcatRead(broker, 'console-lz4')).length).toBe(RECORDS + 2 + 20_000);
  });

  it('kafka-producer-perf-test writes in transactions, each of them committed', async () => {
    const load = ['--num-records', '2000', '--record-size', '200', '--throughput', '2000'];
    const transactions = ['--transactional-id', 'perf', '--transaction-duration-ms', '100'];
    const topic = await createTopic(client, 'in-transactions');
    const out = await tools.output('kafka-producer-perf-test', ['--topic', topic.name, ...load, ...transactions]);
    expect(out).toMatch(/^2000 records sent, /m);
    // kcat reads what is committed, which the markers of the transactions, several of them, are not.
    expect(await kcatRead(broker, topic.name)).toHaveLength(2000);
    expect((await listOffset(client, topic, -1)).offset).toBeGreaterThan(2001);
    await deleteTopic(client, topic.name);
  });

  it('kafka-verifiable-producer has every record acknowledged', async () => {
    const load = ['--topic', 'console-snappy', '--max-messages', '2000', '--throughput', '-1', '--acks', '-1'];
    const out = await tools.output('kafka-verifiable-producer', load);
    const events = lines(out).map((line) => JSON.parse(line) as { name: string });
    expect(events.filter(({ name }) => name === 'producer_send_success')).toHaveLength(2000);
    expect(events.at(-1)).toMatchObject({ name: 'tool_data', sent: 2000, acked: 2000 });
  });

  it('kafka-leader-election finds every leader in its place', async () => {
    const elect = (...args: string[]) => tools.run('kafka-leader-election', ['--election-type', 'preferred', ...args]);
    expect(await elect('--topic', 'console-none', '--partition', '0')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Valid replica already elected for partitions console-none-0'),
    });
    expect(await elect('--all-topic-partitions')).toMatchObject({ code: 0 });
    expect(await elect('--topic', 'nowhere', '--partition', '0')).toMatchObject({
      code: 1,
      err: expect.stringContaining('UnknownTopicOrPartitionException'),
    });
  });

  it('kafka-reassign-partitions leaves every partition where it is', async () => {
    const name = 'reassigned-by-tool';
    await createTopic(client, name, { partitions: 2 });
    const file = (content: object) => {
      const path = join(folder.path, 'plan.json');
      writeFileSync(path, JSON.stringify({ version: 1, ...content }));
      return path;
    };
    const reassign = (...args: string[]) => tools.run('kafka-reassign-partitions', args);
    const plan = (replicas: number[]) =>
      file({ partitions: [0, 1].map((partition) => ({ topic: name, partition, replicas })) });
    expect(await reassign('--list')).toMatchObject({ code: 0, out: 'No partition reassignments found.\n' });
    const wanted = file({ topics: [{ topic: name }] });
    const generated = await reassign('--topics-to-move-json-file', wanted, '--broker-list', '0', '--generate');
    const [, , , , proposed] = generated.out.split('\n');
    expect(JSON.parse(proposed!)).toMatchObject({ partitions: [{ replicas: [0] }, { replicas: [0] }] });
    expect(await reassign('--reassignment-json-file', plan([0]), '--execute')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Successfully started partition reassignments for ${name}-0,${name}-1`),
    });
    expect(await reassign('--reassignment-json-file', plan([0]), '--verify')).toMatchObject({
      code: 0,
      out: expect.stringContaining(`Reassignment of partition ${name}-1 is completed.`),
    });
    expect(await reassign('--reassignment-json-file', plan([0]), '--cancel')).toMatchObject({
      code: 0,
      out: expect.stringContaining('None of the specified partition reassignments are active.'),
    });
    expect(await reassign('--reassignment-json-file', plan([7]), '--execute')).toMatchObject({ code: 1 });
  });

  it('kafka-metadata-quorum shows the broker as its own quorum', async () => {
    const quorum = (...args: string[]) => tools.output('kafka-metadata-quorum', ['describe', ...args]);
    const status = await quorum('--status');
    expect(status).toMatch(/^LeaderId: +0$/m);
    expect(status).toMatch(/^HighWatermark: +0$/m);
    expect(status).toContain(`"endpoints": ["PLAINTEXT://${broker.host}:${broker.port}"]`);
    expect(await quorum('--replication', '--human-readable')).toMatch(/^0\s.*Leader\s*$/m);
  });

  it('kafka-features describes transaction.version and changes its level', async () => {
    const described = await tools.output('kafka-features', ['describe']);
    expect(lines(described)).toEqual([
      expect.stringMatching(/^Feature: transaction\.version\s.*SupportedMaxVersion: 2\s+FinalizedVersionLevel: 2\s/),
    ]);
    const change = (way: string, feature: string) => tools.run('kafka-features', [way, '--feature', feature]);
    expect(await change('upgrade', 'transaction.version=2')).toMatchObject({ code: 0 });
    expect(await change('downgrade', 'transaction.version=1')).toMatchObject({
      code: 0,
      out: expect.stringContaining('transaction.version was downgraded to 1'),
    });
    expect(await tools.output('kafka-features', ['describe'])).toMatch(/FinalizedVersionLevel: 1\s/);
    expect(await change('upgrade', 'transaction.version=2')).toMatchObject({ code: 0 });
    expect(await change('upgrade', 'group.version=1')).toMatchObject({
      code: 1,
      out: expect.stringContaining('does not support this feature'),
    });
    expect(await tools.output('kafka-features', ['describe'])).toMatch(/FinalizedVersionLevel: 2\s/);
  });

  it('kafka-log-dirs tells the size of every partition', async () => {
    const out = await tools.output('kafka-log-dirs', ['--describe', '--topic-list', 'console-none,made-by-tool']);
    const { brokers } = JSON.parse(lines(out).at(-1)!) as {
      brokers: {
        broker: number;
        logDirs: { error: null | string; partitions: { partition: string; size: number; isFuture: boolean }[] }[];
      }[];
    };
    expect(brokers).toMatchObject([{ broker: 0, logDirs: [{ error: null }] }]);
    const partitions = brokers[0]!.logDirs[0]!.partitions;
    expect(partitions).toHaveLength(PARTITIONS + 5);
    for (const { size } of partitions) expect(size).toBeGreaterThanOrEqual(0);
    const written = partitions.filter(({ partition }) => partition.startsWith('console-none'));
    // No record is shorter than 7 bytes.
    expect(written.reduce((sum, { size }) => sum + size, 0)).toBeGreaterThan(7 * RECORDS);
  });

  it('kafka-cluster tells the id and the brokers', async () => {
    expect(await tools.output('kafka-cluster', ['cluster-id'])).toMatch(/^Cluster ID: [\w-]{22}\n$/);
    const [, ...brokers] = lines(await tools.output('kafka-cluster', ['list-endpoints']));
    expect(brokers.map((line) => line.trim().split(/\s+/))).toEqual([
      ['0', broker.host, String(broker.port), 'null', 'unfenced', 'broker'],
    ]);
  });

  it('the compatibility test of the Java client succeeds', async () => {
    const versions = await tools.output('kafka-broker-api-versions', []);
    expect(versions).toMatch(/^\s*Produce\(0\): 0 to 13 \[usable: 13\],$/m);
    const supported = (api: string) =>
      new RegExp(`^\\s*${api}\\(\\d+\\): UNSUPPORTED`, 'm').test(versions) ? 'False' : 'True';
    const checks = {
      'cluster-id-supported': 'True',
      'create-topics-supported': 'True',
      'describe-acls-supported': supported('DescribeAcls'),
      'describe-configs-supported': supported('DescribeConfigs'),
      'expect-record-too-large-exception': 'False',
      'idempotent-producer-supported': 'True',
      'num-cluster-nodes': '1',
      'offsets-for-times-supported': 'True',
    };
    const flags = Object.entries(checks).flatMap(([name, value]) => [`--${name}`, value]);
    const args = ['--topic', 'compatibility', ...flags];
    expect(await tools.output('client-compatibility-test', args)).toContain('SUCCESS.');
  });

  it('kafka-topics deletes a topic', async () => {
    await topics('--delete', '--topic', 'made-by-tool');
    expect(lines(await topics('--list'))).not.toContain('made-by-tool');
    const again = await tools.run('kafka-topics', ['--delete', '--topic', 'made-by-tool']);
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining("'made-by-tool' does not exist") });
  });

  it('are served without a word of warning', () => {
    const events = broker.log.filter(({ level }) => level !== 'info').map(({ event }) => event);
    expect(new Set(events)).toEqual(new Set(['topic_auto_created']));
  });
});
