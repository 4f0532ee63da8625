import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../lib/storage/dynamodb/table.ts';
import { openS3Blobs } from '../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../lib/storage/s3/client.ts';
import { createTables } from '../support/create-tables.ts';
import { dynamoDbLocalMissing, startDynamoDbLocal } from '../support/dynamodb-local.ts';
import { startS3Fake } from '../support/s3-fake.ts';
import { have } from '../support/tools.ts';
import { Gateway } from './gateway.ts';
import { CHAOS_SECONDS, CHAOS_SEED, REST_MS, tell } from './options.ts';
import { Problems, type ProducerPlan, runChaos, type Stage } from './run.ts';
import { type ProxyOptions, TcpProxy } from './tcp-proxy.ts';

const GATEWAYS = 4;
const PARTITIONS = 4;
const TABLES = { journalTable: 'chaos-journal', stateTable: 'chaos-state' };
const BUCKET = 'chaos';
/** What does not go into an entry of DynamoDB's. */
const LARGE_BYTES = [10_000, 60_000] as const;
const CONFLICT = 'ConditionalCheckFailedException';

/**
 * Three failed calls in a row, over 2 s or more, are logged as a store that fails. Some are broken by
 * resets so long before.
 */
const EXPLAINS_MS = 5_000;

/** Clients have given up long before this is over; in a long run it is minutes. */
const LONG_FREEZE_MS = Math.max(62_000, Math.min((CHAOS_SECONDS * 1000) / 3, 300_000));

const PRODUCERS: readonly ProducerPlan[] = [
  { kind: 'pipelined', idempotent: true, partition: 0, pauseMsMax: 60 },
  { kind: 'kafkajs', idempotent: true, partition: 0, pauseMsMax: 100 },
  { kind: 'pipelined', idempotent: true, partition: 1, pauseMsMax: 20 },
  { kind: 'kafkajs', idempotent: false, partition: 1, pauseMsMax: 100 },
  { kind: 'platformatic', idempotent: true, partition: 1, pauseMsMax: 100 },
  { kind: 'kafkajs', idempotent: true, partition: 2, pauseMsMax: 50 },
  { kind: 'single', idempotent: false, partition: 2, pauseMsMax: 80 },
  { kind: 'pipelined', idempotent: true, partition: 3, pauseMsMax: 100 },
  { kind: 'platformatic', idempotent: false, partition: 3, pauseMsMax: 150 },
  { kind: 'kafkajs', idempotent: true, partition: 3, pauseMsMax: 150 },
];

const present = have('Java 17', dynamoDbLocalMissing() === undefined, 'Install it to run DynamoDB Local.');
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

describe.skipIf(!present)(`${GATEWAYS} gateways over one DynamoDB and S3 (TIDELOG_CHAOS_SEED=${CHAOS_SEED})`, () => {
  it('lose, double and reorder nothing while they are killed, stopped and cut off', {
    timeout: CHAOS_SECONDS * 1000 + REST_MS,
  }, async () => {
    tell(`chaos with ${GATEWAYS} gateways: TIDELOG_CHAOS_SEED=${CHAOS_SEED} TIDELOG_CHAOS_SECONDS=${CHAOS_SECONDS}`);
    const problems = new Problems();
    const stage = await openStage(problems);
    const result = await runChaos(
      stage,
      {
        seed: CHAOS_SEED,
        partitions: PARTITIONS,
        journals: 2,
        producers: PRODUCERS,
        largeBytes: LARGE_BYTES,
        readers: { raw: 3, kafkajs: 2 },
        plan: {
          troubledMs: CHAOS_SECONDS * 1000,
          longFreezeMs: LONG_FREEZE_MS,
          freezes: true,
          downMs: [0, 3_000],
          restMs: [1_000, 12_000],
          clientCutMs: [50, 1_000],
          storeCutMs: [100, 900],
        },
      },
      problems,
    );
    tell(`chaos with ${GATEWAYS} gateways, seed ${CHAOS_SEED}: ${result.summary}`);
    if (problems.found.length > 0) tell(result.monkey.diary.join('\n'));
    expect(problems.found, `TIDELOG_CHAOS_SEED=${CHAOS_SEED}`).toEqual([]);
    expect(result.idle, 'producers without a record').toEqual([]);
    expect(result.monkey.kills).toBeGreaterThan(0);
    expect(result.monkey.longestFreezeMs).toBeGreaterThan(60_000);
    expect(result.monkey.resets).toBeGreaterThan(0);
    expect(result.monkey.storeResets).toBeGreaterThan(0);
    expect(stage.conflicts(), 'lost races').toBeGreaterThan(0);
  });
});

async function openStage(problems: Problems): Promise<Stage> {
  const dynamoDb = await startDynamoDbLocal();
  closing.push(() => dynamoDb.stop());
  // In this process: what is stored outlives the gateways.
  const s3 = await startS3Fake();
  closing.push(() => s3.stop());
  const { credentials, region } = dynamoDb.clientConfig;
  const client = dynamoDbClient(dynamoDb.clientConfig);
  await createTables(client, TABLES);
  let conflicts = 0;
  const onAnswer = (chunk: Buffer) => {
    if (chunk.includes(CONFLICT)) conflicts++;
  };
  const items = await proxyOf(dynamoDb.clientConfig.endpoint, { aim: 'PutItem', onAnswer });
  const objects = await proxyOf(s3.endpoint, { aim: 'PUT ' });
  const environment = {
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: `http://127.0.0.1:${items.port}`,
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${objects.port}`,
  };
  const gateways: Gateway[] = [];
  for (let index = 0; index < GATEWAYS; index++) {
    const flags = [
      ...['--store', 'aws', '--journal-table', TABLES.journalTable, '--state-table', TABLES.stateTable],
      ...['--bucket', BUCKET, '--profile', index % 2 === 0 ? 'latency' : 'default'],
    ];
    const { report } = problems;
    const gateway = await Gateway.prepare({
      name: `gateway ${index}`,
      flags,
      environment,
      report,
      isStoreCut: () => items.hasReset(EXPLAINS_MS) || objects.hasReset(EXPLAINS_MS),
    });
    gateways.push(gateway);
    closing.push(() => gateway.close());
  }
  const table = (tableName: string) =>
    openDynamoDbTable({ client, tableName, clock: systemClock, random: systemRandom });
  const blobs = s3Client({ endpoint: s3.endpoint, region, credentials, forcePathStyle: true });
  const stores = {
    journal: table(TABLES.journalTable),
    state: table(TABLES.stateTable),
    blobs: openS3Blobs({ client: blobs, bucket: BUCKET, prefix: '', clock: systemClock, random: systemRandom }),
    async close() {
      client.destroy();
      blobs.destroy();
    },
  };
  closing.push(() => stores.close());
  return { gateways, storeProxies: [items, objects], stores, conflicts: () => conflicts };
}

async function proxyOf(endpoint: string, options: Omit<ProxyOptions, 'target'>): Promise<TcpProxy> {
  const proxy = await TcpProxy.start({ target: Number(new URL(endpoint).port), ...options });
  closing.push(() => proxy.close());
  return proxy;
}
