import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { DynamoDBClient, RestoreTableToPointInTimeCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';
import { systemRandom } from '../../lib/core/random.ts';
import { UnreadableItems } from '../../lib/kit/unreadable-items.ts';
import { lastOffset } from '../../lib/records/batch.ts';
import { encodeBatch } from '../../lib/records/encode.ts';
import { iterateRecords } from '../../lib/records/record.ts';
import { SegmentWork } from '../../lib/run/segment-work.ts';
import { composeUpkeep } from '../../lib/run/upkeep.ts';
import { walJob } from '../../lib/run/wal-job.ts';
import { dynamoDbClient } from '../../lib/storage/dynamodb/client.ts';
import { openDynamoDbTable } from '../../lib/storage/dynamodb/table.ts';
import { openS3Blobs } from '../../lib/storage/s3/blobs.ts';
import { s3Client } from '../../lib/storage/s3/client.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { STAND_IN_CONFIG } from '../support/aws-targets.ts';
import { createTables } from '../support/create-tables.ts';
import { type Engine, startEngine } from '../support/engine.ts';
import { LaterStores } from '../support/later-stores.ts';
import { scaled } from '../support/machine.ts';
import { batchesIn, createTopic, deleteTopic, fetch, produce, type TopicName } from '../support/requests.ts';
import { sealNow } from '../support/sealing.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
const TIMEOUT_MS = scaled(180_000);

const endpoint = inject('endpoint');
const config = { ...STAND_IN_CONFIG, endpoint: endpoint?.url ?? '' };
const name = `tidelog-restore-${process.pid}`;

interface Tables {
  readonly journalTable: string;
  readonly stateTable: string;
}

const original: Tables = { journalTable: `${name}-journal`, stateTable: `${name}-state` };
const restored: Tables = { journalTable: `${name}-journal-restored`, stateTable: `${name}-state-restored` };
/** The same as `restored`, for reading only. */
const untouched: Tables = { journalTable: `${name}-journal-untouched`, stateTable: `${name}-state-untouched` };
/** Of a later time. */
const later: Tables = { journalTable: `${name}-journal-later`, stateTable: `${name}-state-later` };

const SETTINGS = {
  'tidelog.store': 'aws',
  'tidelog.journal.table': 'j',
  'tidelog.state.table': 's',
  'tidelog.bucket': 'b',
  // All batches go to WAL objects, as in a busy deployment.
  'tidelog.inline.max.bytes': '0',
};

/** A process on some tables, in a time of its own. */
class Process {
  readonly stores: LaterStores;
  readonly engine: Engine;

  private constructor(stores: LaterStores, engine: Engine) {
    this.stores = stores;
    this.engine = engine;
  }

  static async start({ journalTable, stateTable }: Tables): Promise<Process> {
    const random = systemRandom;
    const client = dynamoDbClient(config);
    const table = (tableName: string) => openDynamoDbTable({ client, tableName, clock: systemClock, random });
    const s3 = s3Client({ ...config, forcePathStyle: true });
    const stores = new LaterStores({
      journal: table(journalTable),
      state: table(stateTable),
      blobs: openS3Blobs({ client: s3, bucket: name, prefix: '', clock: systemClock, random }),
      close: async () => client.destroy(),
    });
    return new Process(stores, await startEngine({ stores, settings: SETTINGS }));
  }

  /** Lets days pass, with a sweep of the due list and a round of upkeep in each. */
  async days(count: number): Promise<void> {
    const work = new SegmentWork(this.engine.broker.admin, this.engine.segments);
    const upkeep = composeUpkeep(this.engine, walJob);
    for (let day = 0; day < count; day++) {
      this.stores.forward(DAY_MS);
      const deadline = systemClock.monotonic() + TIMEOUT_MS;
      const swept = await work.sweep(new UnreadableItems({ log: () => {} }), undefined, deadline);
      expect(swept).toMatchObject({ isComplete: true });
      expect(await upkeep.round({ deadline, everyMs: 0 })).toMatchObject({ kind: 'ran', isComplete: true });
    }
  }

  async seal(...topics: TopicName[]): Promise<void> {
    for (const topic of topics) await sealNow(await this.engine.journalOf(topic.name));
  }

  /** `key=value` of all records that a reader from the first offset gets. */
  async read(topic: TopicName): Promise<string[]> {
    const read: string[] = [];
    for (let offset = 0; ; ) {
      const { errorCode, records } = await fetch(this.engine.client, topic, { offset });
      expect(errorCode).toBe(0);
      const batches = batchesIn(records);
      const last = batches.at(-1)?.header;
      if (last === undefined) return read;
      for (const { bytes } of batches) {
        for (const { key, value, offset: at } of iterateRecords(bytes)) read.push(`${at}: ${key}=${value}`);
      }
      offset = lastOffset(last) + 1;
    }
  }

  async producerId(): Promise<number> {
    const asked = { transactionalId: null, transactionTimeoutMs: 60_000 };
    return (await this.engine.client.ask(ApiKey.InitProducerId, 4, asked)).producerId;
  }

  async objects(): Promise<string[]> {
    return (await this.stores.blobs.list('', undefined, 10_000)).map(({ key }) => key);
  }

  async entries(topic: TopicName): Promise<number> {
    const { items } = await this.stores.journal.query({ pk: `journal/${topic.id}/0`, consistent: true });
    return items.length;
  }
}

/** MiniStack copies a table as it is, whatever time it is asked for: it is asked at that time. */
async function restoreNow(target: Tables): Promise<void> {
  const client = new DynamoDBClient(config);
  for (const table of ['journalTable', 'stateTable'] as const) {
    await client.send(
      new RestoreTableToPointInTimeCommand({
        SourceTableName: original[table],
        TargetTableName: target[table],
        UseLatestRestorableTime: true,
      }),
    );
  }
  client.destroy();
}

function finishRestore({ journalTable, stateTable }: Tables, at: number, ...flags: string[]) {
  const program = ['--import', 'tsx', 'examples/finish-restore.ts'];
  const { accessKeyId, secretAccessKey } = STAND_IN_CONFIG.credentials;
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: config.endpoint,
    AWS_REGION: STAND_IN_CONFIG.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  };
  const args = [...program, journalTable, stateTable, name, new Date(at).toISOString(), ...flags];
  return new Promise<{ code: number; out: string }>((done) => {
    execFile(process.execPath, args, { cwd: ROOT, env }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code), out: stdout + stderr }),
    );
  });
}

const keyed = (key: string, value: string) =>
  encodeBatch([{ timestamp: Date.now(), key: Buffer.from(key), value: Buffer.from(value) }]);

describe.skipIf(!inject('isMinistack'))('a restore of both tables to an earlier time', () => {
  let first: Process;
  let topics: Record<'kept' | 'short' | 'compacted' | 'doomed', TopicName>;
  let restoredAt: number;
  const then = new Map<TopicName, string[]>();

  beforeAll(async () => {
    await createTables(dynamoDbClient(config), original);
    const s3 = s3Client({ ...config, forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket: name }));
    // As lib/stacks/state.ts makes the bucket of the stage prod.
    await s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration: { Status: 'Enabled' } }));
    first = await Process.start(original);
    const { client } = first.engine;
    topics = {
      kept: await createTopic(client, 'kept', { configs: { 'retention.ms': '-1' } }),
      short: await createTopic(client, 'short', { configs: { 'retention.ms': `${HOUR_MS}` } }),
      compacted: await createTopic(client, 'compacted', {
        configs: { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01' },
      }),
      doomed: await createTopic(client, 'doomed'),
    };
    await writeAndSeal(first, 'before', 3);
    // Records that are not sealed at the time of the restore.
    for (const topic of Object.values(topics)) await produce(client, topic, keyed('k', 'unsealed'));
    await first.producerId();
    restoredAt = Date.now();
    for (const topic of Object.values(topics)) then.set(topic, await first.read(topic));
    await restoreNow(restored);
    await restoreNow(untouched);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await first?.stores.close();
  });

  async function writeAndSeal(process: Process, what: string, rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const topic of Object.values(topics)) {
        await produce(process.engine.client, topic, keyed(`key ${round % 2}`, `${what} ${round}`));
        await produce(process.engine.client, topic, keyed('k', `${what} ${round}`));
      }
      await process.seal(...Object.values(topics));
    }
  }

  it(
    'reads everything that was there, although it was deleted since, and collects what was written since',
    async () => {
      const objectsThen = await first.objects();
      await writeAndSeal(first, 'after', 2);
      await deleteTopic(first.engine.client, 'doomed');
      await first.producerId();
      await first.days(9);
      const objectsNow = await first.objects();
      const isLeft = (prefix: string) => objectsThen.some((key) => key.startsWith(prefix) && objectsNow.includes(key));
      expect(objectsThen.some((key) => key.startsWith('wal/'))).toBe(true);
      expect(isLeft('wal/')).toBe(false);
      expect(isLeft(`segment/${topics.short.id}/`)).toBe(false);
      expect(isLeft(`segment/${topics.doomed.id}/`)).toBe(false);
      expect(isLeft(`segment/${topics.compacted.id}/`)).toBe(false);
      expect(await first.entries(topics.doomed)).toBe(0);

      const tried = await finishRestore(restored, restoredAt);
      expect(tried).toEqual({ code: 0, out: expect.stringContaining('Nothing was changed.') });
      expect(await first.objects()).toEqual(objectsNow);
      const done = await finishRestore(restored, restoredAt, '--apply');
      expect(done).toEqual({ code: 0, out: expect.stringMatching(/4 journals: 0 do not fit\n(.*\n)+done\n/) });

      const second = await Process.start(restored);
      for (const [topic, records] of then) expect(await second.read(topic)).toEqual(records);
      expect(then.get(topics.short)).toHaveLength(7);
      expect(await second.producerId()).toBeGreaterThanOrEqual(1_000_000_000);

      // Tidelog goes on, and deletes what the restored tables do not name.
      const unknown = objectsNow.filter((key) => !objectsThen.includes(key) && key.startsWith('segment/'));
      expect(unknown.length).toBeGreaterThan(0);
      await writeAndSeal(second, 'again', 2);
      await second.days(2);
      const left = await second.objects();
      expect(unknown.filter((key) => left.includes(key))).toEqual([]);
      const third = await Process.start(restored);
      const kept = await third.read(topics.kept);
      expect(kept.slice(0, 7)).toEqual(then.get(topics.kept));
      expect(kept).toHaveLength(7 + 2 * 2);
      await second.stores.close();
      await third.stores.close();
    },
    TIMEOUT_MS,
  );

  it(
    'is refused if the state table is of a later time than the journal table',
    async () => {
      await restoreNow(later);
      const mixed = { journalTable: untouched.journalTable, stateTable: later.stateTable };
      const { code, out } = await finishRestore(mixed, restoredAt, '--apply');
      expect({ code, out }).toEqual({
        code: 1,
        out: expect.stringMatching(/slot \d+ is missing\n.*do not fit together/),
      });
    },
    TIMEOUT_MS,
  );
});
