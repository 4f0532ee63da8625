import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { freePort } from '../support/free-ports.ts';
import { JavaProgram, type RunningJava } from '../support/java-program.ts';
import { KAFKA_TOOLS_VERSION, KafkaTools } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

const MAIN = 'org.apache.kafka.connect.cli.ConnectDistributed';
const ARTIFACTS = ['connect-runtime', 'connect-file'].map((name) => `org.apache.kafka:${name}:${KAFKA_TOOLS_VERSION}`);
/** Fetching the jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const PATIENCE = { withinMs: 60_000, everyMs: 100 };
const LINES = 500;

const missing = mavenMissing();
const HAVE_CONNECT = have(
  'Kafka Connect',
  missing === undefined,
  `${missing}. Install maven with a Java 17 to run it.`,
);

/** A worker with its address for requests. */
interface Worker {
  readonly url: string;
  readonly process: RunningJava;
}

const linesFrom = (first: number) => Array.from({ length: LINES }, (_, i) => `line ${first + i}\n`).join('');

describe.skipIf(!HAVE_CONNECT)('Kafka Connect with two workers', () => {
  const folder = temporaryFolder();
  const input = join(folder.path, 'in.txt');
  const output = join(folder.path, 'out.txt');
  let broker: BrokerProcess | undefined;
  let program: JavaProgram | undefined;
  let workers: readonly [Worker, Worker];

  beforeAll(async () => {
    program = await JavaProgram.of(MAIN, ARTIFACTS);
    broker = await startBrokerProcess(join(folder.path, 'data'));
    workers = [await startWorker(), await startWorker()];
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await program?.close();
    await broker?.stop();
    folder.remove();
  });

  async function startWorker(): Promise<Worker> {
    const address = `127.0.0.1:${await freePort()}`;
    const settings = {
      'bootstrap.servers': broker!.bootstrap,
      'group.id': 'workers',
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'offset.storage.topic': 'connect-offsets',
      'config.storage.topic': 'connect-configs',
      'status.storage.topic': 'connect-status',
      'offset.storage.replication.factor': 1,
      'config.storage.replication.factor': 1,
      'status.storage.replication.factor': 1,
      'offset.flush.interval.ms': 1000,
      // Else a worker's tasks wait five minutes for it to come back.
      'scheduled.rebalance.max.delay.ms': 1000,
      'session.timeout.ms': 6000,
      'heartbeat.interval.ms': 1000,
      'consumer.session.timeout.ms': 6000,
      'consumer.heartbeat.interval.ms': 1000,
      listeners: `HTTP://${address}`,
    };
    const path = join(folder.path, `worker-${address.split(':')[1]}.properties`);
    writeFileSync(
      path,
      Object.entries(settings)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    return { url: `http://${address}`, process: program!.start([path]) };
  }

  async function ask(worker: Worker, path: string, config?: object): Promise<unknown> {
    const sent = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(config) };
    const answer = await fetch(worker.url + path, config === undefined ? {} : sent).catch(() => undefined);
    return answer?.ok ? await answer.json() : undefined;
  }

  /** Where the task of a connector runs, once it does. */
  async function placeOf(name: string, worker: Worker): Promise<string | undefined> {
    const status = (await ask(worker, `/connectors/${name}/status`)) as
      | { tasks: { state: string; worker_id: string }[] }
      | undefined;
    return status?.tasks.find(({ state }) => state === 'RUNNING')?.worker_id;
  }

  const written = () => (existsSync(output) ? readFileSync(output, 'utf8') : '');

  it(
    'carries a file over a topic, also when a worker is killed',
    async () => {
      const [first, second] = workers;
      writeFileSync(input, linesFrom(0));
      const source = { 'connector.class': 'FileStreamSource', 'tasks.max': 1, file: input, topic: 'lines' };
      const sink = { 'connector.class': 'FileStreamSink', 'tasks.max': 1, file: output, topics: 'lines' };
      await until(
        async () => (await ask(first, '/connectors/source/config', source)) !== undefined,
        'the source',
        PATIENCE,
      );
      await until(async () => (await ask(second, '/connectors/sink/config', sink)) !== undefined, 'the sink', PATIENCE);
      await until(() => written() === linesFrom(0), 'the first lines', PATIENCE);

      let place: string | undefined;
      const isPlaced = async () => {
        place = await placeOf('sink', first);
        return place !== undefined;
      };
      await until(isPlaced, 'a place', PATIENCE);
      const killed = first.url.endsWith(place!) ? first : second;
      const left = killed === first ? second : first;
      await killed.process.kill();
      appendFileSync(input, linesFrom(LINES));
      await until(() => new Set(written().split('\n')).size === 2 * LINES + 1, 'the other lines', PATIENCE);
      // At least once: what was not committed when the worker was killed may come again.
      expect(written().endsWith(linesFrom(LINES))).toBe(true);
      expect(left.process.isRunning).toBe(true);
    },
    scaled(150_000),
  );

  it('makes its three topics compacted', async () => {
    const tools = await KafkaTools.of(broker!);
    try {
      const described = await tools.output('kafka-topics', ['--describe', '--topic', 'connect-.*']);
      expect(described.match(/connect-\w+\s.*cleanup\.policy=compact/g)).toHaveLength(3);
    } finally {
      tools.close();
    }
  });
});
