import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { systemRandom } from '../../../lib/core/random.ts';
import { composeBroker } from '../../../lib/run/compose-broker.ts';
import { dynamoDbClient } from '../../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../../lib/storage/dynamodb/table.ts';
import { memoryStores } from '../../../lib/storage/memory/memory-stores.ts';
import { ApiKey } from '../../../lib/wire/apis.ts';
import { createTables } from '../../support/create-tables.ts';
import { startDynamoDbLocal } from '../../support/dynamodb-local.ts';
import { frameOf, invokeOf } from '../../support/function-calls.ts';
import { EngineClient } from '../../support/kafka-client.ts';
import { developerProgram, wholeNumber } from '../../support/program.ts';
import { batchOf, createTopic, fetchRequest, produce, produceRequest, type TopicName } from '../../support/requests.ts';
import { payload2 } from '../../support/rest-events.ts';
import { startS3Fake } from '../../support/s3-fake.ts';
import { settingsOf } from '../../support/settings.ts';
import { MachineLoad, OTHERS_CPU_MAX } from '../machine-load.ts';
import { median } from '../statistics.ts';

// How long a function's new instance takes for its first answer: docs/PERFORMANCE.md. Ends with status 1 if it takes too long.

const TOTAL_MS_MAX = 250;
const RSS_BYTES_MAX = 128e6;
const NAMES = { journalTable: 'journal', stateTable: 'state', bucket: 'bucket' };

const values = developerProgram('npm run bench:cold --', "Measures the first call of a function's new instance.")
  .option('--runs <n>', 'starts of each function', wholeNumber, 20)
  .option('--only <function>', 'only this function')
  .option('--node-flags <flags>', 'flags for the Node of the functions, separated by blanks', '')
  .parse()
  .opts<{ runs: number; only?: string; nodeFlags: string }>();
const root = fileURLToPath(new URL('../../..', import.meta.url));
const bundleOf = (name: string) => join(root, 'dist', 'functions', name, 'index.mjs');

interface Figures {
  readonly importMs: number;
  readonly callMs: number;
  readonly cpuMs: number;
  readonly maxRssBytes: number;
  readonly answer: object;
}

const directory = await mkdtemp(join(tmpdir(), 'tidelog-cold-'));
const dynamoDb = await startDynamoDbLocal();
const s3 = await startS3Fake();
try {
  const topic = await prepare();
  const { endpoint, region, credentials } = dynamoDb.clientConfig;
  const environment = {
    PATH: process.env.PATH ?? '',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    TIDELOG_STORE: 'aws',
    TIDELOG_JOURNAL_TABLE: NAMES.journalTable,
    TIDELOG_STATE_TABLE: NAMES.stateTable,
    TIDELOG_BUCKET: NAMES.bucket,
  };
  let failed = false;
  const load = new MachineLoad();
  let ownMs = 0;
  console.log(
    '| function | import ms | first call ms | both | CPU ms of both | max RSS MB |\n|---|---|---|---|---|---|',
  );
  for (const [name, event] of Object.entries(eventsFor(topic))) {
    if (values.only !== undefined && values.only !== name) continue;
    const eventFile = join(directory, `${name}.json`);
    await writeFile(eventFile, JSON.stringify(event()));
    // The first start reads the files into the page cache.
    await firstCall(name, eventFile, environment);
    const runs: Figures[] = [];
    for (let run = 0; run < values.runs; run++) {
      await writeFile(eventFile, JSON.stringify(event()));
      const figures = await firstCall(name, eventFile, environment);
      ownMs += figures.cpuMs;
      runs.push(figures);
    }
    const both = median(runs.map(({ importMs, callMs }) => importMs + callMs));
    const rss = Math.max(...runs.map(({ maxRssBytes }) => maxRssBytes));
    failed ||= both > TOTAL_MS_MAX || rss > RSS_BYTES_MAX;
    const cells = [
      median(runs.map(({ importMs }) => importMs)).toFixed(0),
      median(runs.map(({ callMs }) => callMs)).toFixed(0),
      both.toFixed(0),
      median(runs.map(({ cpuMs }) => cpuMs)).toFixed(0),
      (rss / 1e6).toFixed(0),
    ];
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
  const others = load.others(ownMs);
  console.log(`\nload average ${loadavg()[0]!.toFixed(1)}, Node ${process.version}, median of ${values.runs}`);
  if (others > OTHERS_CPU_MAX)
    console.log(`others took ${others.toFixed(1)} cores meanwhile: the durations are theirs, too`);
  console.log(`${failed ? 'MISSED' : 'met'}: ${TOTAL_MS_MAX} ms for both, ${RSS_BYTES_MAX / 1e6} MB`);
  process.exitCode = failed ? 1 : 0;
} finally {
  await dynamoDb.stop();
  await s3.stop();
  await rm(directory, { recursive: true, force: true });
}

/** Tables and a topic with some records; DynamoDB Local is warm after that. */
async function prepare(): Promise<TopicName> {
  if (!existsSync(bundleOf('produce'))) throw new Error('build the functions first: npm run build:functions');
  const client = dynamoDbClient(dynamoDb.clientConfig);
  await createTables(client, NAMES);
  const clock = systemClock;
  const random = systemRandom;
  const stores = {
    ...memoryStores({ clock, random }),
    journal: openDynamoDbTable({ client, tableName: NAMES.journalTable, clock, random }),
    state: openDynamoDbTable({ client, tableName: NAMES.stateTable, clock, random }),
  };
  const settings = settingsOf({ 'tidelog.store': 'memory' });
  const advertised = () => ({ host: '127.0.0.1', port: 9092 });
  const engine = await composeBroker({ stores, clock, random, logger: silentLogger, settings, advertised });
  const kafka = new EngineClient(engine.handleFrame);
  const topic = await createTopic(kafka, 'cold', { partitions: 4 });
  for (let entry = 0; entry < 200; entry++)
    await produce(kafka, topic, batchOf([`record ${entry}`]), { partition: entry % 4 });
  await engine.close();
  client.destroy();
  return topic;
}

function eventsFor(topic: TopicName): Readonly<Record<string, () => object>> {
  return {
    produce: () => invokeOf(frameOf(ApiKey.Produce, 9, produceRequest(topic, batchOf(['x'.repeat(100)])))),
    fetch: () => invokeOf(frameOf(ApiKey.Fetch, 12, fetchRequest(topic))),
    coordinate: () =>
      invokeOf(frameOf(ApiKey.OffsetFetch, 8, { groups: [{ groupId: 'cold', topics: null }], requireStable: false })),
    admin: () =>
      invokeOf(frameOf(ApiKey.Metadata, 12, { topics: [{ name: topic.name }], allowAutoTopicCreation: false })),
    rest: () =>
      payload2({
        method: 'POST',
        path: `/topics/${topic.name}`,
        headers: { 'content-type': 'application/vnd.kafka.binary.v2+json' },
        body: JSON.stringify({ records: [{ value: Buffer.alloc(100).toString('base64') }] }),
      }),
    maintain: () => ({ tidelog: 'maintain' }),
    seal: () => ({ tidelog: 'seal' }),
  };
}

async function firstCall(name: string, eventFile: string, env: Record<string, string>): Promise<Figures> {
  const script = fileURLToPath(new URL('first-call.mjs', import.meta.url));
  const flags = values.nodeFlags.split(' ').filter((flag) => flag !== '');
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, bundleOf(name), eventFile], {
    env,
  });
  const figures = JSON.parse(stdout.trim().split('\n').at(-1)!) as Figures;
  const { statusCode = 200 } = figures.answer as { readonly statusCode?: number };
  if ('error' in figures.answer || statusCode !== 200) throw new Error(`${name}: ${JSON.stringify(figures.answer)}`);
  return figures;
}
