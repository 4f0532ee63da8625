import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/broker-process.ts';
import { CLUSTER_NAME, type Cluster, clientOf, startCluster } from '../support/cluster.ts';
import { ConnectWorkers, type Worker } from '../support/connect-workers.ts';
import { kcatRead } from '../support/kcat.ts';
import { scaled } from '../support/machine.ts';
import { mavenMissing } from '../support/maven.ts';
import { createTopic } from '../support/requests.ts';
import { have, haveKcat } from '../support/tools.ts';
import { until } from '../support/waiting.ts';

/** Fetching the jars. */
const FETCH_TIMEOUT_MS = scaled(300_000);
const PATIENCE = { withinMs: 90_000, everyMs: 200 };
const TOPIC = 'lines';
/** The file grows by so many lines at a time, with a pause in between, so that the worker is killed at its work. */
const LINES_AT_A_TIME = 10;
const PAUSE_MS = 50;
const KILLS = 2;
/** A worker has written so many lines more when it is killed. */
const LINES_BETWEEN_KILLS = 500;

const missing = mavenMissing();
const HAVE_CONNECT = have(
  'Kafka Connect',
  missing === undefined,
  `${missing}. Install maven with a Java 17 to run it.`,
);

describe.skipIf(!HAVE_CONNECT || !haveKcat())(`Kafka Connect with exactly-once sources on ${CLUSTER_NAME}`, () => {
  const folder = temporaryFolder();
  const input = join(folder.path, 'in.txt');
  let cluster: Cluster | undefined;
  let connect: ConnectWorkers | undefined;
  let isOver = false;

  beforeAll(async () => {
    cluster = await startCluster();
    const client = await clientOf(cluster);
    await createTopic(client, TOPIC, { partitions: 1 });
    client.close();
    connect = await ConnectWorkers.of(cluster, { 'exactly.once.source.support': 'enabled' });
  }, FETCH_TIMEOUT_MS);

  afterAll(async () => {
    isOver = true;
    await connect?.close();
    await cluster?.close();
    folder.remove();
  });

  /** Makes the file grow until it is told to end; how many lines it has then. */
  async function write(): Promise<number> {
    let lines = 0;
    for (; !isOver; lines += LINES_AT_A_TIME) {
      const added = Array.from({ length: LINES_AT_A_TIME }, (_, i) => `line ${lines + i}\n`);
      appendFileSync(input, added.join(''));
      await wait(PAUSE_MS);
    }
    return lines;
  }

  /** What a reader of committed records is given, which librdkafka is by default. */
  const lines = async () => (await kcatRead(cluster!, TOPIC)).map(({ value }) => value);

  async function isAt(count: number, worker: Worker): Promise<boolean> {
    await connect!.restartFailed(worker, 'source');
    return (await lines()).length >= count;
  }

  it(
    'writes each line once, in order, although its worker is killed at its work and replaced',
    async () => {
      writeFileSync(input, '');
      const source = {
        'connector.class': 'FileStreamSource',
        'tasks.max': 1,
        file: input,
        topic: TOPIC,
        // What it has read but not handed on for this limit waits until the file grows.
        'batch.size': 100_000,
        'exactly.once.support': 'required',
        'transaction.boundary': 'poll',
      };
      let worker = await connect!.start();
      await until(() => connect!.configure(worker, 'source', source), 'the source', PATIENCE);
      await until(async () => (await connect!.placeOf(worker, 'source')) !== undefined, 'its task', PATIENCE);
      const writing = write();
      let read = 0;
      for (let kills = 0; kills < KILLS; kills++) {
        const target = read + LINES_BETWEEN_KILLS;
        await until(() => isAt(target, worker), `${target} lines`, PATIENCE);
        await worker.process.kill();
        read = (await lines()).length;
        worker = await connect!.start();
      }
      isOver = true;
      const written = await writing;
      await until(() => isAt(written, worker), 'all lines', PATIENCE);
      expect(await lines()).toEqual(Array.from({ length: written }, (_, line) => `line ${line}`));
    },
    scaled(240_000),
  );
});
