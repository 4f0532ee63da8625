import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { createTopic, type TopicName } from '../support/requests.ts';
import { findProblems, Ledger } from './ledger.ts';
import { CrashProducer } from './producer.ts';
import { readPartition } from './read-partition.ts';
import { between, seeded } from './seeded.ts';

const KILLS = 20;
/** The broker dies this long after the producers have begun, at the latest; ms. */
const LIFE_MS_MAX = 600;
const PARTITIONS = 4;

/** Set it to repeat a run; what the machine does in between it cannot repeat. */
const seed = Number(process.env.TIDELOG_CRASH_SEED ?? Date.now() % 1_000_000);
const random = seeded(seed);

/** Two partitions with producers of both kinds each, one with an idempotent and one with the other kind alone. */
const PRODUCERS = [
  { partition: 0, idempotent: true, window: 5, pauseMsMax: 0 },
  { partition: 0, idempotent: true, window: 1, pauseMsMax: 8 },
  { partition: 0, idempotent: false, window: 3, pauseMsMax: 2 },
  { partition: 1, idempotent: true, window: 5, pauseMsMax: 3 },
  { partition: 1, idempotent: false, window: 1, pauseMsMax: 0 },
  { partition: 2, idempotent: true, window: 2, pauseMsMax: 15 },
  { partition: 3, idempotent: false, window: 4, pauseMsMax: 5 },
];

const folder = temporaryFolder();
let broker: BrokerProcess | undefined;
afterAll(async () => {
  if (broker?.running) await broker.kill();
  folder.remove();
});

describe(`a broker that is killed ${KILLS} times while it appends (TIDELOG_CRASH_SEED=${seed})`, () => {
  it('keeps every acknowledged record, in order and without gaps, once where the producer is idempotent', async () => {
    const ledgers = PRODUCERS.map(({ partition, idempotent }, index) => new Ledger(`p${index}`, partition, idempotent));
    broker = await startBrokerProcess(folder.path);
    const { topic, producers } = await prepare(broker, ledgers);
    let acknowledgedBefore = 0;
    let killsInFlight = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      const running = Promise.all(producers.map((producer) => producer.run(broker!)));
      const lifeMs = between(random, 5, LIFE_MS_MAX);
      await Promise.race([running, pause(lifeMs)]);
      await broker.kill();
      await running;
      if (producers.some((producer) => producer.pending > 0)) killsInFlight++;
      broker = await startBrokerProcess(folder.path);
      expect(await problemsOf(broker, topic, ledgers), `after kill ${kill}, ${lifeMs} ms`).toEqual([]);
      const acknowledged = sum(ledgers.map((ledger) => ledger.acknowledged.size));
      expect(acknowledged, `acknowledged by kill ${kill}`).toBeGreaterThanOrEqual(acknowledgedBefore);
      acknowledgedBefore = acknowledged;
    }
    for (const producer of producers) producer.stop();
    await Promise.all(producers.map((producer) => producer.run(broker!)));
    expect(await problemsOf(broker, topic, ledgers)).toEqual([]);
    for (const ledger of ledgers) {
      expect(ledger.sent, ledger.producer).toBeGreaterThan(KILLS);
      expect(ledger.acknowledged.size, ledger.producer).toBe(ledger.sent);
    }
    expect(await broker.stop()).toBe(0);
    expect(killsInFlight, 'kills that met requests in flight').toBeGreaterThan(KILLS / 2);
    expect(readdirSync(join(folder.path, 'blobs', 'wal')).length, 'WAL objects').toBeGreaterThan(KILLS);
  });
});

async function prepare(
  started: BrokerProcess,
  ledgers: readonly Ledger[],
): Promise<{ topic: TopicName; producers: CrashProducer[] }> {
  const client = await TcpClient.connect(started);
  const topic = await createTopic(client, 'crash', { partitions: PARTITIONS });
  const producers: CrashProducer[] = [];
  for (const [index, { idempotent, window, pauseMsMax }] of PRODUCERS.entries()) {
    const producerId = idempotent ? await newProducerId(client) : -1;
    const ledger = ledgers[index]!;
    producers.push(new CrashProducer({ topic: topic.name, ledger, producerId, window, pauseMsMax, random }));
  }
  client.close();
  return { topic, producers };
}

async function newProducerId(client: TcpClient): Promise<number> {
  const asked = { transactionalId: null, transactionTimeoutMs: 0 };
  const { errorCode, producerId } = await client.ask(ApiKey.InitProducerId, 4, asked);
  expect(errorCode).toBe(0);
  return producerId;
}

async function problemsOf(running: BrokerProcess, topic: TopicName, ledgers: readonly Ledger[]): Promise<string[]> {
  const client = await TcpClient.connect(running);
  const problems: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const records = await readPartition(client, topic, partition);
    const found = findProblems(
      records,
      ledgers.filter((ledger) => ledger.partition === partition),
    );
    problems.push(...found.map((problem) => `partition ${partition}: ${problem}`));
  }
  client.close();
  return problems;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
