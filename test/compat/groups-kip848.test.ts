import { createRequire } from 'node:module';
import { setTimeout as wait } from 'node:timers/promises';
import { Consumer, stringDeserializers } from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { buildConfluent } from '../support/confluent-build.ts';
import { describeConsumerGroup } from '../support/consumer-member.ts';
import { describeGroup } from '../support/group-member.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { platformaticOptions } from '../support/platformatic-client.ts';
import { batchOf, createTopic, produce, type TopicName } from '../support/requests.ts';
import { have } from '../support/tools.ts';

/** A first run fetches some hundred jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const PARTITIONS = 6;
const RECORDS_EACH = 200;
/** How long a Java consumer that reads nothing waits before it ends, ms. */
const PATIENCE_MS = 15_000;
/** A Java consumer on a busy machine needs a while to begin. */
const JOINED_WITHIN = { timeout: scaled(60_000), interval: 250 };

const missing = mavenMissing();
const HAVE_TOOLS = have(
  "Kafka's own tools",
  missing === undefined,
  `${missing}. Install maven with a Java 17 to run them.`,
);

// Whether it can be built has to be known before any test is named.
const build = await buildConfluent();
const HAVE_CONFLUENT = have(
  '@confluentinc/kafka-javascript',
  build.kind === 'built',
  build.kind === 'built' ? '' : `It cannot be built here: ${build.reason}.`,
);

const folder = temporaryFolder();
let broker: BrokerProcess;
let client: TcpClient;

beforeAll(async () => {
  broker = await startBrokerProcess(folder.path);
  client = await TcpClient.connect(broker);
});

afterAll(async () => {
  client.close();
  await broker.stop();
  folder.remove();
});

const valuesOf = (topic: string) =>
  Array.from(
    { length: PARTITIONS * RECORDS_EACH },
    (_, n) => `${topic} ${n % PARTITIONS} ${Math.floor(n / PARTITIONS)}`,
  );

async function fill(name: string): Promise<TopicName> {
  const topic = await createTopic(client, name, { partitions: PARTITIONS });
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const own = valuesOf(name).filter((_, n) => n % PARTITIONS === partition);
    expect((await produce(client, topic, batchOf(own), { partition })).errorCode).toBe(0);
  }
  return topic;
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '');
const memberCount = async (group: string) => (await describeConsumerGroup(client, group)).members.length;
const stateOf = async (group: string) => (await describeConsumerGroup(client, group)).groupState;

describe.skipIf(!HAVE_TOOLS)("Kafka's own consumer with group.protocol=consumer", () => {
  let tools: KafkaTools;

  beforeAll(async () => {
    tools = await KafkaTools.of(broker);
  }, FETCH_TIMEOUT_MS);

  afterAll(() => tools.close());

  /** Reads until nothing has come for a while; the values that it got. */
  async function consume(group: string, topic: readonly string[], protocol = 'consumer'): Promise<string[]> {
    const properties = ['--command-property', `group.protocol=${protocol}`];
    const { out } = await tools.run('kafka-console-consumer', [
      ...topic,
      ...['--group', group, '--from-beginning', '--timeout-ms', String(PATIENCE_MS)],
      ...properties,
    ]);
    return lines(out);
  }

  it('reads every record once with two members, and kafka-consumer-groups shows them', async () => {
    await fill('java');
    const first = consume('java-group', ['--topic', 'java']);
    await expect.poll(() => memberCount('java-group'), JOINED_WITHIN).toBe(1);
    const second = consume('java-group', ['--topic', 'java']);
    await expect.poll(() => memberCount('java-group'), JOINED_WITHIN).toBe(2);
    await expect.poll(() => stateOf('java-group'), JOINED_WITHIN).toBe('Stable');
    const { members } = await describeConsumerGroup(client, 'java-group');
    const sizes = members.map(
      ({ assignment }) => assignment.topicPartitions.flatMap(({ partitions }) => partitions).length,
    );
    expect(sizes).toEqual([3, 3]);

    const describeIt = (...more: string[]) =>
      tools.output('kafka-consumer-groups', ['--describe', '--group', 'java-group', ...more]);
    const [offsets, roster, state] = await Promise.all([
      describeIt('--offsets'),
      describeIt('--members', '--verbose'),
      describeIt('--state'),
    ]);
    const rows = lines(offsets)
      .map((line) => line.split(/\s+/))
      .slice(1);
    expect(rows.map(([, topic, partition]) => `${topic}-${partition}`)).toEqual(
      Array.from({ length: PARTITIONS }, (_, n) => `java-${n}`),
    );
    expect(new Set(rows.map((row) => row[6]))).toEqual(new Set(members.map(({ memberId }) => memberId)));
    for (const { memberId, memberEpoch } of members)
      expect(roster).toMatch(new RegExp(`${memberId}.*\\s${memberEpoch}\\s.*java:`));
    expect(state).toMatch(/uniform\s+Stable\s+2/);

    const read = (await Promise.all([first, second])).flat();
    expect(read.sort()).toEqual(valuesOf('java').sort());
    // Both said that they leave.
    expect(await stateOf('java-group')).toBe('Empty');
    expect(await tools.output('kafka-consumer-groups', ['--describe', '--group', 'java-group', '--offsets'])).toContain(
      String(RECORDS_EACH),
    );
  });

  it('reads the topics that a pattern matches', async () => {
    await fill('pattern-one');
    await fill('pattern-two');
    const read = await consume('pattern-group', ['--include', 'pattern-.*']);
    expect(read.sort()).toEqual([...valuesOf('pattern-one'), ...valuesOf('pattern-two')].sort());
  });

  it('joins a classic consumer, works beside it, and leaves it to itself again', async () => {
    await fill('changing');
    const classic = consume('changing-group', ['--topic', 'changing'], 'classic');
    const classicState = async () => (await describeGroup(client, 'changing-group')).groupState;
    await expect.poll(classicState, JOINED_WITHIN).toBe('Stable');
    const modern = consume('changing-group', ['--topic', 'changing']);
    await expect.poll(() => memberCount('changing-group'), JOINED_WITHIN).toBe(2);
    await expect.poll(() => stateOf('changing-group'), JOINED_WITHIN).toBe('Stable');
    const { members } = await describeConsumerGroup(client, 'changing-group');
    expect(members.map(({ memberType }) => memberType).sort()).toEqual([0, 1]);
    expect(members.map(({ assignment }) => assignment.topicPartitions[0]!.partitions.length)).toEqual([3, 3]);
    const read = (await Promise.all([classic, modern])).flat();
    expect(read.sort()).toEqual(valuesOf('changing').sort());
  });
});

describe("@platformatic/kafka with groupProtocol 'consumer'", () => {
  /** A consumer that notes what it reads. */
  async function reading(topic: string, group: string) {
    const consumer = new Consumer({
      ...platformaticOptions(broker),
      groupId: group,
      groupProtocol: 'consumer',
      deserializers: stringDeserializers,
      autocommit: true,
    });
    const values: string[] = [];
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest' });
    stream.on('data', ({ value }) => values.push(value));
    const close = async () => {
      await stream.close();
      await consumer.close(true);
    };
    return { values, close };
  }

  it('reads every record, and shares the partitions with a second member', async () => {
    const topic = await fill('platformatic');
    const first = await reading('platformatic', 'platformatic-group');
    await expect.poll(() => first.values.length, JOINED_WITHIN).toBe(PARTITIONS * RECORDS_EACH);
    expect([...first.values].sort()).toEqual(valuesOf('platformatic').sort());
    const second = await reading('platformatic', 'platformatic-group');
    await expect.poll(() => memberCount('platformatic-group'), JOINED_WITHIN).toBe(2);
    await expect.poll(() => stateOf('platformatic-group'), JOINED_WITHIN).toBe('Stable');
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await produce(client, topic, batchOf([`late ${partition}`]), { partition });
    }
    const late = () => [...first.values, ...second.values].filter((value) => value.startsWith('late')).sort();
    await expect.poll(late, JOINED_WITHIN).toEqual(Array.from({ length: PARTITIONS }, (_, n) => `late ${n}`));
    expect(second.values.length).toBeGreaterThan(0);
    await second.close();
    await first.close();
    await wait(100);
    expect(await stateOf('platformatic-group')).toBe('Empty');
  });
});

/** What of librdkafka's consumer is used here; the package is not a dependency, so its own types are not at hand. */
interface FlowingConsumer {
  connect(options: object, callback: (error: Error | null | undefined) => void): void;
  disconnect(callback: () => void): void;
  subscribe(topics: readonly string[]): void;
  consume(): void;
  on(event: 'data', listener: (message: { readonly value: Buffer | null }) => void): void;
}

describe.skipIf(!HAVE_CONFLUENT)('librdkafka with group.protocol=consumer', () => {
  const values: string[] = [];

  async function reading(topics: readonly string[]): Promise<FlowingConsumer> {
    if (build.kind === 'missing') throw new Error(build.reason);
    const { KafkaConsumer } = createRequire(import.meta.url)(build.module) as {
      readonly KafkaConsumer: new (config: object, topicConfig: object) => FlowingConsumer;
    };
    const config = {
      'bootstrap.servers': broker.bootstrap,
      'group.id': 'librdkafka-group',
      'group.protocol': 'consumer',
    };
    const consumer = new KafkaConsumer(config, { 'auto.offset.reset': 'earliest' });
    consumer.on('data', ({ value }) => values.push(String(value)));
    await new Promise<void>((resolve, reject) => {
      consumer.connect({}, (error) => (error ? reject(error) : resolve()));
    });
    consumer.subscribe(topics);
    consumer.consume();
    return consumer;
  }

  it('lets the broker resolve a pattern, and shares the topics with a second member', async () => {
    await fill('paint-red');
    await fill('paint-blue');
    const expected = [...valuesOf('paint-red'), ...valuesOf('paint-blue')].sort();
    const first = await reading(['^paint-.*']);
    await expect.poll(() => [...values].sort(), JOINED_WITHIN).toEqual(expected);
    const second = await reading(['^paint-.*']);
    await expect.poll(() => memberCount('librdkafka-group'), JOINED_WITHIN).toBe(2);
    await expect.poll(() => stateOf('librdkafka-group'), JOINED_WITHIN).toBe('Stable');
    const { members } = await describeConsumerGroup(client, 'librdkafka-group');
    expect(members.map(({ subscribedTopicRegex }) => subscribedTopicRegex)).toEqual(['(^paint-.*)', '(^paint-.*)']);
    const sizes = members.map(({ assignment }) =>
      assignment.topicPartitions.reduce((sum, { partitions }) => sum + partitions.length, 0),
    );
    expect(sizes).toEqual([PARTITIONS, PARTITIONS]);
    for (const consumer of [first, second]) await new Promise<void>((resolve) => consumer.disconnect(resolve));
    expect([...values].sort()).toEqual(expected);
    expect(await stateOf('librdkafka-group')).toBe('Empty');
  });
});
