import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { ConnectWorkers, type Worker } from '../support/connect-workers.ts';
import { KafkaTools } from '../support/kafka-tools.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

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

const linesFrom = (first: number) => Array.from({ length: LINES }, (_, i) => `line ${first + i}\n`).join('');

describe.skipIf(!HAVE_CONNECT)('Kafka Connect with two workers', () => {
  const folder = temporaryFolder();
  const input = join(folder.path, 'in.txt');
  const output = join(folder.path, 'out.txt');
  let broker: BrokerProcess | undefined;
  let connect: ConnectWorkers | undefined;
  let workers: readonly [Worker, Worker];

  beforeAll(async () => {
    broker = await startBrokerProcess(join(folder.path, 'data'));
    connect = await ConnectWorkers.of(broker);
    workers = [await connect.start(), await connect.start()];
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await connect?.close();
    await broker?.stop();
    folder.remove();
  });

  const written = () => (existsSync(output) ? readFileSync(output, 'utf8') : '');

  it(
    'carries a file over a topic, also when a worker is killed',
    async () => {
      const [first, second] = workers;
      writeFileSync(input, linesFrom(0));
      const source = { 'connector.class': 'FileStreamSource', 'tasks.max': 1, file: input, topic: 'lines' };
      const sink = { 'connector.class': 'FileStreamSink', 'tasks.max': 1, file: output, topics: 'lines' };
      await until(() => connect!.configure(first, 'source', source), 'the source', PATIENCE);
      await until(() => connect!.configure(second, 'sink', sink), 'the sink', PATIENCE);
      await until(() => written() === linesFrom(0), 'the first lines', PATIENCE);

      let place: string | undefined;
      const isPlaced = async () => {
        place = await connect!.placeOf(first, 'sink');
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
