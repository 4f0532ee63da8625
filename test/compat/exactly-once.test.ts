import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Random } from '../../lib/core/random.ts';
import { randomInt } from '../../lib/core/random.ts';
import { CLUSTER_NAME, type Cluster, clientOf, startCluster } from '../support/cluster.ts';
import { JavaProgram, javaMissing } from '../support/java-program.ts';
import { KAFKA_TOOLS_VERSION } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { fetchOffsets, offsetsIn } from '../support/offset-requests.ts';
import { PYTHON, pythonHas } from '../support/python-client.ts';
import { pythonWith } from '../support/python-venv.ts';
import { createTopic, type TopicName } from '../support/requests.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Supervised } from '../support/supervised.ts';
import { have } from '../support/tools.ts';
import { type PreparedClient, type Transactor, transactionClients } from '../support/transaction-clients.ts';
import { until } from '../support/waiting.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples/consume-transform-produce');
const START_TIMEOUT_MS = scaled(300_000);
const RUN_TIMEOUT_MS = scaled(300_000);

/** What is killed when; set it to repeat that. */
const SEED = Number(process.env.TIDELOG_EXACTLY_ONCE_SEED ?? Date.now() % 1_000_000);
/** Set it to give all programs as many orders. */
const RECORDS = process.env.TIDELOG_EXACTLY_ONCE_RECORDS;
const MANY_RECORDS = 20_000;
const FEW_RECORDS = 3_000;

const PARTITIONS = 6;
const PAIRS = 2;
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);
/** Orders come in so many at a time, with a pause in between, so that there is work while things are killed. */
const ORDERS_AT_A_TIME = 600;
const PAUSE_MS = 400;
/** Between two blows to a pair, and how long it stays away; ms. */
const PAIR_REST_MS = [1_000, 6_000] as const;
const PAIR_DOWN_MS = [0, 1_500] as const;
/** The same for the broker. */
const BROKER_REST_MS = [3_000, 8_000] as const;
const BROKER_DOWN_MS = [0, 1_000] as const;
const BROKER_KILLS_MAX = 3;
const PAIR_KILLS_MAX = 6;
const PATIENCE = { withinMs: 120_000, everyMs: 250 };

const between = (random: Random, [from, to]: readonly [number, number]) => randomInt(random, from, to + 1);

/** A program of examples/ and how it is started. */
interface Example {
  readonly name: string;
  readonly missing: string | undefined;
  readonly records: number;
  /** What starts it, for a pair of a consumer and a producer with a transactional id. */
  prepare(): Promise<{
    command(words: readonly string[]): readonly [string, ...string[]];
    close(): Promise<void>;
  }>;
}

const newest = await pythonWith('confluent-kafka', '2.15.1');
const python = (path: string) => async () => ({
  command: (words: readonly string[]): readonly [string, ...string[]] => [
    path,
    '-B',
    join(EXAMPLES, 'consume_transform_produce.py'),
    ...words,
  ],
  close: async () => {},
});

const EXAMPLE_PROGRAMS: readonly Example[] = [
  {
    name: 'Java (kafka-clients 4.3.1)',
    missing: undefined,
    records: MANY_RECORDS,
    async prepare() {
      const artifacts = [`org.apache.kafka:kafka-clients:${KAFKA_TOOLS_VERSION}`];
      const program = await JavaProgram.compile(join(EXAMPLES, 'ConsumeTransformProduce.java'), artifacts);
      return { command: (words) => program.command(words), close: () => program.close() };
    },
  },
  {
    name: 'Python (librdkafka 2.0.2)',
    missing: pythonHas(['confluent_kafka']) ? undefined : 'python3-confluent-kafka was not found',
    records: FEW_RECORDS,
    prepare: python(PYTHON),
  },
  {
    name: 'Python (librdkafka 2.15.1)',
    missing: newest.kind === 'missing' ? newest.reason : undefined,
    records: FEW_RECORDS,
    prepare: python(newest.kind === 'missing' ? PYTHON : newest.python),
  },
  {
    name: 'kafkajs',
    missing: undefined,
    records: FEW_RECORDS,
    async prepare() {
      const program = join(EXAMPLES, 'consume-transform-produce.ts');
      const tsx = ['--import', import.meta.resolve('tsx')];
      return { command: (words) => [process.execPath, ...tsx, program, ...words], close: async () => {} };
    },
  },
];

/** One each of Java, librdkafka and kafkajs. */
const READERS = /^KafkaProducer|^librdkafka 2\.15|^kafkajs/;

const missing = javaMissing();
const HAVE_JAVA = have(
  'Java for the tests of exactly once',
  missing === undefined,
  `${missing}. Install a JDK 17 and maven to run them.`,
);

describe.skipIf(!HAVE_JAVA)(`${CLUSTER_NAME}, consume, transform, produce (TIDELOG_EXACTLY_ONCE_SEED=${SEED})`, () => {
  let readers: readonly { readonly name: string; readonly client: PreparedClient }[] = [];
  let cluster: Cluster | undefined;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    const found = (await transactionClients()).filter((one) => READERS.test(one.name) && one.missing === undefined);
    readers = await Promise.all(found.map(async ({ name, prepare }) => ({ name, client: await prepare() })));
  }, START_TIMEOUT_MS);

  beforeEach(async () => {
    cluster = await startCluster();
  }, START_TIMEOUT_MS);

  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
    await cluster?.close();
  });

  afterAll(async () => {
    await Promise.all(readers.map(({ client }) => client.close()));
  });

  function start(client: PreparedClient): Transactor {
    const transactor = client.start(cluster!);
    closing.push(() => transactor.kill());
    return transactor;
  }

  async function isDone(topic: TopicName, records: number): Promise<boolean> {
    const client = await clientOf(cluster!);
    try {
      const offsets = offsetsIn(await fetchOffsets(client, 'billing', topic, ALL));
      return offsets.reduce<number>((sum, offset) => sum + Math.max(0, Number(offset) || 0), 0) === records;
    } finally {
      client.close();
    }
  }

  it.for(EXAMPLE_PROGRAMS)(
    '$name: each order has one invoice, whichever pair or broker is killed',
    { timeout: RUN_TIMEOUT_MS },
    async ({ name, missing, records: byDefault, prepare }, { skip }) => {
      skip(!have(name, missing === undefined, `It cannot be run: ${missing}.`));
      const records = Number(RECORDS ?? byDefault);
      const orders = Array.from({ length: records }, (_, order) => String(order));
      const client = await clientOf(cluster!);
      const topic = await createTopic(client, 'orders', { partitions: PARTITIONS });
      await createTopic(client, 'invoices', { partitions: PARTITIONS });
      client.close();

      const program = await prepare();
      closing.push(() => program.close());
      const pairs = Array.from({ length: PAIRS }, (_, pair) => {
        const words = [cluster!.bootstrap, 'orders', 'invoices', 'billing', `billing-${pair}`];
        const supervised = new Supervised(program.command(words));
        closing.push(() => supervised.close());
        return supervised;
      });

      let isFed = false;
      let brokerKills = 0;
      const feed = async () => {
        const writer = start(readers[0]!.client);
        for (let from = 0; from < records; from += ORDERS_AT_A_TIME) {
          await writer.write('orders', PARTITIONS, orders.slice(from, from + ORDERS_AT_A_TIME));
          await wait(PAUSE_MS);
        }
        isFed = true;
      };
      const strike = async (pair: Supervised, random: Random) => {
        while (pair.kills < PAIR_KILLS_MAX) {
          await wait(between(random, PAIR_REST_MS));
          if (isFed && pair.kills > 0) return;
          await pair.kill(between(random, PAIR_DOWN_MS));
        }
      };
      const strikeBroker = async (random: Random) => {
        while (brokerKills < BROKER_KILLS_MAX) {
          await wait(between(random, BROKER_REST_MS));
          if (isFed && brokerKills > 0) return;
          await cluster!.kill();
          brokerKills++;
          await wait(between(random, BROKER_DOWN_MS));
          await cluster!.restart();
        }
      };
      await Promise.all([
        feed(),
        ...pairs.map((pair, index) => strike(pair, seededRandom(SEED + index))),
        strikeBroker(seededRandom(SEED + PAIRS)),
      ]);
      const told = () => pairs.map(({ said }) => said).join('\n---\n');
      await until(() => isDone(topic, records), 'the last order', PATIENCE).catch((error) => {
        throw new Error(`${error}\n${told()}`);
      });

      const expected = orders.map((order) => `invoice-${order}`).sort();
      for (const reader of readers) {
        const read = await start(reader.client).read('invoices', 'committed');
        const invoices = read.map((one) => one.slice(one.indexOf(':') + 1)).sort();
        expect(invoices, reader.name).toEqual(expected);
      }
      const [kills, ends] = [pairs.map((pair) => pair.kills), pairs.map((pair) => pair.ends)];
      process.stdout.write(`${name}: ${records} orders, pairs killed ${kills}, ended by themselves ${ends}, `);
      process.stdout.write(`broker killed ${brokerKills}\n`);
    },
  );
});
