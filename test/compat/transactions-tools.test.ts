import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { errorCode } from '../../lib/core/errors.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { readBatchHeader } from '../../lib/records/batch.ts';
import { openEmbeddedStores } from '../../lib/storage/embedded/embedded-stores.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { cliOf } from '../integration/cli/cli-run.ts';
import { type BrokerAddress, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { KAFKA_NODE_ID, KafkaBroker } from '../support/kafka-broker.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { batchOf, createTopic, listOffset, produce, type TopicName } from '../support/requests.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

/** A first run fetches some hundred jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TIMEOUT_MS = 10 * MINUTE_MS;
/** EndTxn and Produce of a client that knows transactions of version 1 only. */
const [END_VERSION, PRODUCE_VERSION] = [4, 11];
const RETRIED = new Set(
  (['COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS'] as const).map(errorCode),
);

interface Producer {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** A cluster that the tools are run against, with the same transactions in it. */
interface Cluster {
  readonly address: BrokerAddress;
  readonly client: TcpClient;
  /** Begins a transaction in partition 1 that the coordinator does not know of. */
  hang(topic: TopicName, producer: Producer, timestamp: number): Promise<void>;
  stop(): Promise<void>;
}

async function startKafka(): Promise<Cluster> {
  const broker = await KafkaBroker.start({ 'transaction.partition.verification.enable': 'false' });
  const client = await TcpClient.connect(broker);
  return {
    ...{ address: broker, client },
    async hang(topic, producer, timestamp) {
      expect((await send(client, topic, producer, 1, timestamp)).errorCode).toBe(0);
    },
    async stop() {
      client.close();
      await broker.stop();
    },
  };
}

async function startTidelog(): Promise<Cluster> {
  const folder = temporaryFolder();
  const broker = await startBrokerProcess(folder.path, ['--node-id', String(KAFKA_NODE_ID)]);
  const client = await TcpClient.connect(broker);
  const stores = await openEmbeddedStores({ path: folder.path, clock: systemClock, random: systemRandom });
  const engine: Engine = await startEngine({ stores });
  return {
    ...{ address: broker, client },
    // No request brings one about: every batch is verified (rule R14). So it is put into the journal.
    async hang(topic, { producerId, producerEpoch }, timestamp) {
      const identity = { producerId, producerEpoch, baseSequence: 0 };
      const bytes = batchOf(['a', 'b'], { ...identity, timestamp, isTransactional: true });
      const { lastOffsetDelta, maxTimestamp } = readBatchHeader(bytes);
      const open = await engine.journalOf(topic.name, 1);
      const verified = { transactional: true, transactionVerified: true };
      const batch = { ...identity, ...verified, partition: 1, lastOffsetDelta, maxTimestamp, bytes };
      expect(await open.writer.append(batch, Number.POSITIVE_INFINITY)).toMatchObject({ kind: 'appended' });
    },
    async stop() {
      client.close();
      await engine.close();
      await stores.close();
      await broker.stop();
      folder.remove();
    },
  };
}

function send(client: TcpClient, topic: TopicName, producer: Producer, partition: number, timestamp: number) {
  const { transactionalId, producerId, producerEpoch } = producer;
  const bytes = batchOf(['a', 'b'], { producerId, producerEpoch, baseSequence: 0, timestamp, isTransactional: true });
  return produce(client, topic, bytes, { version: PRODUCE_VERSION, partition, transactionalId });
}

/** InitProducerId, until there is a coordinator. */
async function init({ client }: Cluster, transactionalId: string): Promise<Producer> {
  let producer: Producer | undefined;
  await until(async () => {
    await client.ask(ApiKey.FindCoordinator, 4, { keyType: 1, coordinatorKeys: [transactionalId] });
    const request = { transactionalId, transactionTimeoutMs: TIMEOUT_MS };
    const { errorCode: code, producerId, producerEpoch } = await client.ask(ApiKey.InitProducerId, 4, request);
    if (RETRIED.has(code)) return false;
    expect(code).toBe(0);
    producer = { transactionalId, producerId, producerEpoch };
    return true;
  });
  return producer!;
}

async function add({ client }: Cluster, topic: TopicName, producer: Producer, partitions: number[]): Promise<void> {
  const { resultsByTopicV3AndBelow: results } = await client.ask(ApiKey.AddPartitionsToTxn, 3, {
    v3AndBelowTransactionalId: producer.transactionalId,
    v3AndBelowProducerId: producer.producerId,
    v3AndBelowProducerEpoch: producer.producerEpoch,
    v3AndBelowTopics: [{ name: topic.name, partitions }],
  });
  const codes = results[0]!.resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode);
  expect(codes).toEqual(partitions.map(() => 0));
}

/** A topic with transactions: none yet, one that is over, one that is open, one that hangs. */
async function makeTransactions(cluster: Cluster, name: string): Promise<TopicName> {
  const { client } = cluster;
  const topic = await createTopic(client, name, { partitions: 2 });
  const now = Date.now();
  await init(cluster, `${name}-idle`);
  const done = await init(cluster, `${name}-done`);
  await add(cluster, topic, done, [0]);
  expect((await send(client, topic, done, 0, now)).errorCode).toBe(0);
  const ended = await client.ask(ApiKey.EndTxn, END_VERSION, { ...done, committed: true });
  expect(ended.errorCode).toBe(0);
  // Kafka writes the markers after its answer.
  await until(async () => {
    const request = { transactionalIds: [done.transactionalId] };
    const { transactionStates } = await client.ask(ApiKey.DescribeTransactions, 0, request);
    return transactionStates[0]!.transactionState === 'CompleteCommit';
  });
  const open = await init(cluster, `${name}-open`);
  await add(cluster, topic, open, [0, 1]);
  const group = await client.ask(ApiKey.AddOffsetsToTxn, 3, { ...open, groupId: 'billing' });
  expect(group.errorCode).toBe(0);
  expect((await send(client, topic, open, 0, now)).errorCode).toBe(0);
  await cluster.hang(topic, await init(cluster, `${name}-hanging`), now - HOUR_MS);
  return topic;
}

const missing = mavenMissing();
const HAVE_TOOLS = have(
  "Kafka's own tools for transactions",
  missing === undefined,
  `${missing}. Install maven with a Java 17 to run them.`,
);

/** What `kafka-transactions` writes, without what differs from run to run: times, durations, and producer ids. */
interface Outputs {
  readonly [step: string]: unknown;
}

/** Rows of a table by its headings. */
function rows(text: string): Record<string, string>[] {
  const [headings = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  // Every cell ends with a tab.
  const cellsOf = (line: string) =>
    line
      .split('\t')
      .slice(0, -1)
      .map((cell) => cell.trim());
  const names = cellsOf(headings);
  return lines.map((line) => {
    const cells = cellsOf(line);
    return Object.fromEntries(names.map((name, index) => [name, cells[index] ?? '']));
  });
}

const without = (row: Record<string, string>, ...names: string[]) =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));

/** Runs every sub-command, in the order in which an administrator would. */
async function runAll(cluster: Cluster): Promise<Outputs> {
  const orders = await makeTransactions(cluster, 'orders');
  const tools = await KafkaTools.of(cluster.address);
  try {
    const run = async (...args: string[]) => tools.output('kafka-transactions', args);
    const refused = async (...args: string[]) => {
      const { code, out, err } = await tools.run('kafka-transactions', args);
      return { code, text: `${out}${err}`.replace(/[\s\S]*?((Failed|Could not)[^\n]*)[\s\S]*/, '$1') };
    };
    const listed = async (...args: string[]) =>
      rows(await run('list', ...args))
        .map((row) => without(row, 'ProducerId'))
        .sort((a, b) => (a.TransactionalId! < b.TransactionalId! ? -1 : 1));
    const described = async (id: string) => {
      const [row] = rows(await run('describe', '--transactional-id', id));
      const { CurrentTransactionStartTimeMs: start, TopicPartitions: partitions = '' } = row!;
      return {
        ...without(row!, 'ProducerId', 'CurrentTransactionStartTimeMs', 'TransactionDurationMs', 'TopicPartitions'),
        hasStart: start !== 'None',
        partitions: partitions.split(',').sort(),
      };
    };
    const producers = async (partition: string) =>
      rows(await run('describe-producers', '--topic', 'orders', '--partition', partition))
        .map((row) => without(row, 'ProducerId', 'LastTimestamp', 'LatestCoordinatorEpoch'))
        .sort((a, b) => Number(a.CurrentTransactionStartOffset) - Number(b.CurrentTransactionStartOffset));
    const hanging = async (...args: string[]) =>
      rows(await run('find-hanging', ...args)).map((row) =>
        without(row, 'ProducerId', 'LastTimestamp', 'Duration(min)'),
      );
    const end = async (partition: number, committed = true) =>
      (await listOffset(cluster.client, orders, -1, { partition, committed })).offset;
    const abort = ['abort', '--topic', 'orders', '--partition', '1', '--start-offset'];

    const outputs: Record<string, unknown> = {
      list: await listed(),
      'list of long ones': await listed('--duration-filter', String(HOUR_MS)),
      'list by pattern': await listed('--transactional-id-pattern', 'orders-(open|done)'),
      'list by part of a pattern': await listed('--transactional-id-pattern', 'orders-'),
      'describe an open one': await described('orders-open'),
      'describe an ended one': await described('orders-done'),
      'describe an idle one': await described('orders-idle'),
      'describe a missing one': await refused('describe', '--transactional-id', 'missing'),
      'producers of 0': await producers('0'),
      'producers of 1': await producers('1'),
      'hanging in a topic': await hanging('--topic', 'orders'),
      'hanging on a broker': await hanging('--broker-id', String(KAFKA_NODE_ID)),
      'hanging for longer': await hanging('--topic', 'orders', '--max-transaction-timeout', '120'),
      'stable offset before': await end(1),
      'abort at another offset': await refused(...abort, '7'),
      abort: await run(...abort, '0'),
      'stable offset after': await end(1),
      'hanging after': await hanging('--topic', 'orders'),
      'force terminate': await run('forceTerminateTransaction', '--transactionalId', 'orders-open'),
      'describe a terminated one': await described('orders-open'),
    };
    await until(async () => (await end(0)) === (await end(0, false)));
    return { ...outputs, 'producers of 0 after': await producers('0') };
  } finally {
    tools.close();
  }
}

describe.skipIf(!HAVE_TOOLS)("Kafka's own tool for transactions", () => {
  let clusters: Cluster[];

  beforeAll(async () => {
    clusters = await Promise.all([startKafka(), startTidelog()]);
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    for (const cluster of clusters) await cluster.stop();
  });

  it('says the same of the same transactions, and ends them the same way', async () => {
    const [kafka, tidelog] = await Promise.all(clusters.map(runAll));
    expect(kafka).toMatchObject({
      'hanging in a topic': [{ Topic: 'orders', Partition: '1', StartOffset: '0' }],
      'stable offset before': 0,
      'stable offset after': 3,
      'hanging after': [],
    });
    expect(tidelog).toEqual(kafka);
  });

  it('has a counterpart in tidelog transactions, which serves Kafka as well', async () => {
    const [kafka, tidelog] = await Promise.all(clusters.map(runCommands));
    expect(kafka).toMatchObject({
      hanging: [{ topic: 'payments', partition: 1, startOffset: 0 }],
      'hanging after': [],
      'describe a terminated one': { state: 'Empty' },
    });
    expect(tidelog).toEqual(kafka);
  });
});

/** The same by `tidelog transactions`. */
async function runCommands(cluster: Cluster): Promise<Outputs> {
  await makeTransactions(cluster, 'payments');
  const cli = cliOf(() => cluster.address.bootstrap);
  const run = async (line: string) => {
    const { exitCode, out, err } = await cli(['transactions', ...line.split(' ')]);
    if (exitCode !== 0) throw new Error(`tidelog transactions ${line}: ${err}`);
    return out;
  };
  type Row = Record<string, unknown>;
  const rowsOf = async (line: string): Promise<Row[]> => {
    const listed: Row[] = JSON.parse(await run(`${line} --json`));
    return listed.map(({ producerId: _, lastTime: __, startedAt, ...row }) => ({
      ...row,
      ...(startedAt === undefined ? {} : { hasStart: startedAt !== null }),
    }));
  };
  const described = async (id: string) => (await rowsOf(`describe ${id}`))[0];
  return {
    list: await rowsOf('list --pattern payments-.*'),
    'list of open ones': await rowsOf('list --pattern payments-.* --state Ongoing'),
    'list of long ones': await rowsOf('list --pattern payments-.* --longer-than 1h'),
    describe: await described('payments-open'),
    'describe an idle one': await described('payments-idle'),
    'describe a missing one': await cli(['transactions', 'describe', 'missing']),
    hanging: await rowsOf('list --hanging --topic payments'),
    'hanging for longer': await rowsOf('list --hanging --topic payments --longer-than 2h'),
    'abort at another offset': await cli('transactions abort -t payments -p 1 --start-offset 7'.split(' ')),
    abort: (await run('abort -t payments -p 1 --start-offset 0')).replace(/\d+ in/, 'ID in'),
    'hanging after': await rowsOf('list --hanging --topic payments'),
    terminate: await run('abort payments-open'),
    'describe a terminated one': await described('payments-open'),
    'abort a missing one': await cli(['transactions', 'abort', 'missing']),
  };
}
