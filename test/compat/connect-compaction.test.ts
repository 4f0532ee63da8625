import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { ConnectWorkers, type Worker } from '../support/connect-workers.ts';
import { kcatRead } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { have, haveKcat } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

/** Fetching the jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const PATIENCE = { withinMs: 60_000, everyMs: 100 };

const TOPICS = ['connect-configs', 'connect-offsets', 'connect-status'] as const;
/** So many records were written to each of them before its size is looked at. */
const WRITTEN_MIN = 30;
/** Each has fewer keys. The segment that is not sealed yet is not compacted. */
const LEFT_MAX = 20;

const missing = mavenMissing();
const HAVE_CONNECT = have(
  'Kafka Connect',
  missing === undefined,
  `${missing}. Install maven with a Java 17 to run it.`,
);

describe.skipIf(!HAVE_CONNECT || !haveKcat())('Kafka Connect with topics that are compacted', () => {
  const folder = temporaryFolder();
  const input = join(folder.path, 'in.txt');
  let broker: BrokerProcess | undefined;
  let connect: ConnectWorkers | undefined;

  beforeAll(async () => {
    broker = await startBrokerProcess(join(folder.path, 'data'), ['--log-retention-check-interval-ms', '500']);
    const compacted = ['config', 'offset', 'status'].flatMap((kind) => [
      [`${kind}.storage.segment.ms`, '1000'],
      [`${kind}.storage.min.cleanable.dirty.ratio`, '0.01'],
    ]);
    connect = await ConnectWorkers.of(broker, {
      ...Object.fromEntries(compacted),
      'offset.flush.interval.ms': '100',
    });
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    await connect?.close();
    await broker?.stop();
    folder.remove();
  });

  /** How many records a topic was given, and how many are left. */
  async function sizeOf(topic: string): Promise<{ written: number; left: number }> {
    const ends = new Map<number, number>();
    const records = await kcatRead(broker!, topic);
    for (const { partition, offset } of records) ends.set(partition, offset + 1);
    const written = [...ends.values()].reduce((sum, end) => sum + end, 0);
    return { written, left: records.length };
  }

  const copied = async () => (await kcatRead(broker!, 'lines')).map(({ value }) => value);

  it(
    'keeps them small, and a worker that is started anew goes on from what compaction has left',
    async () => {
      let lines = 0;
      const write = () => appendFileSync(input, `line ${lines++}\n`);
      const expected = () => Array.from({ length: lines }, (_, line) => `line ${line}`);
      const sourceOf = (batchSize: number) => ({
        'connector.class': 'FileStreamSource',
        'tasks.max': 1,
        file: input,
        topic: 'lines',
        'batch.size': batchSize,
      });
      writeFileSync(input, '');
      const first = await connect!.start();
      const isRunning = async (worker: Worker) => (await connect!.placeOf(worker, 'source')) !== undefined;

      let batchSize = 1_000;
      const isSmall = async () => {
        write();
        batchSize++;
        await until(() => connect!.configure(first, 'source', sourceOf(batchSize)), 'the source', PATIENCE);
        await until(() => isRunning(first), 'its task', PATIENCE);
        await until(async () => (await copied()).length === lines, 'the line', PATIENCE);
        const sizes = await Promise.all(TOPICS.map(sizeOf));
        return sizes.every(({ written, left }) => written >= WRITTEN_MIN && left <= LEFT_MAX);
      };
      await until(isSmall, 'compaction', { withinMs: 120_000, everyMs: 0 });
      await first.process.kill('SIGTERM');

      const again = await connect!.start();
      await until(() => isRunning(again), 'the task of the new worker', PATIENCE);
      expect(await connect!.configOf(again, 'source')).toMatchObject({ 'batch.size': String(batchSize) });
      for (let count = 0; count < 10; count++) write();
      await until(async () => (await copied()).length >= lines, 'the other lines', PATIENCE);
      expect(await copied()).toEqual(expected());
    },
    scaled(240_000),
  );
});
