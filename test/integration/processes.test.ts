import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { type BrokerProcess, startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { metricOf, WITH_METRICS } from '../support/metric.ts';
import { batchOf, createTopic, deleteTopic, fetch, produce, type TopicName, valuesIn } from '../support/requests.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

let brokers: BrokerProcess[];
let clients: TcpClient[];
let runs = 0;
let dataDir: string;

beforeEach(() => {
  brokers = [];
  clients = [];
  dataDir = `${folder.path}/${runs++}`;
});

afterEach(async () => {
  for (const client of clients) client.close();
  for (const broker of brokers) if (broker.running) await broker.kill();
});

async function start(): Promise<BrokerProcess> {
  const broker = await startBrokerProcess(dataDir, WITH_METRICS);
  brokers.push(broker);
  return broker;
}

async function connect(broker: BrokerProcess): Promise<TcpClient> {
  const client = await TcpClient.connect(broker);
  clients.push(client);
  return client;
}

async function readAll(client: TcpClient, topic: TopicName): Promise<string[]> {
  const values: string[] = [];
  for (;;) {
    const { errorCode, records } = await fetch(client, topic, { offset: values.length });
    expect(errorCode).toBe(0);
    const read = valuesIn(records);
    if (read.length === 0) return values;
    values.push(...read);
  }
}

describe('two processes on one folder', () => {
  it('see what the other one does, a waiting fetch within the tail poll', async () => {
    const [first, second] = await Promise.all([start(), start()]);
    const [a, b] = [await connect(first!), await connect(second!)];
    const topic = await createTopic(a!, 'shared');
    await produce(a!, topic, batchOf(['from a']));
    expect(valuesIn((await fetch(b!, topic)).records)).toEqual(['from a']);

    const waiting = fetch(b!, topic, { offset: 1, maxWaitMs: 20_000 });
    const polls = () => metricOf(second!, 'tidelog_tail_polls_total');
    const before = await polls();
    await expect.poll(polls, { timeout: scaled(20_000) }).toBeGreaterThan(before);
    const sent = performance.now();
    await produce(a!, topic, batchOf(['again']));
    expect(valuesIn((await waiting).records)).toEqual(['again']);
    // A twentieth of the silence before it, 10 ms at least; the rest is the busy machine's.
    expect(performance.now() - sent).toBeLessThan(Math.min(scaled(2_000), 15_000));

    await deleteTopic(a!, topic.name);
    expect((await produce(b!, topic, batchOf(['too late']))).errorCode).toBe(3);
    expect((await fetch(b!, topic)).errorCode).toBe(3);
    const fresh = await createTopic(b!, topic.name);
    expect((await produce(a!, fresh, batchOf(['new']))).errorCode).toBe(0);
    expect(await readAll(b!, fresh)).toEqual(['new']);
    expect(await first!.stop()).toBe(0);
    expect(await second!.stop()).toBe(0);
  });
});

/** So many records are acknowledged before a process is killed. */
const KILLED_AFTER = 40;

describe('a process that is killed', () => {
  it('loses nothing that it had acknowledged', async () => {
    const victim = await start();
    const client = await connect(victim);
    const topic = await createTopic(client, 'kept', { partitions: 1 });
    const acknowledged: string[] = [];
    let killed: Promise<void> | undefined;
    for (let index = 0; ; index++) {
      const batch = batchOf([`${index}`], { producerId: 1, producerEpoch: 0, baseSequence: index });
      const answer = await produce(client, topic, batch).catch(() => undefined);
      if (answer === undefined) break;
      expect(answer.errorCode).toBe(0);
      acknowledged.push(`${index}`);
      // At some moment while the next ones are on their way.
      if (index === KILLED_AFTER) killed = wait(50).then(() => victim.kill());
    }
    await killed;
    expect(acknowledged.length).toBeGreaterThan(10);
    const next = await connect(await start());
    const there = await readAll(next, topic);
    // At most the one that was on its way may be there beside them.
    expect(there.slice(0, acknowledged.length)).toEqual(acknowledged);
    expect(there.length - acknowledged.length).toBeLessThanOrEqual(1);
    const { topics } = await next.ask(ApiKey.Metadata, 12, { topics: null });
    expect(topics.map(({ name, topicId }) => [name, topicId])).toEqual([[topic.name, topic.id]]);
  });
});

describe('a rejection that nobody handles', () => {
  it('is logged, and the broker serves on', async () => {
    const reject = 'process.on("SIGUSR2", () => { Promise.reject(new Error("lost in the background")); })';
    const environment = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(reject)}` };
    const broker = await startBrokerProcess(dataDir, [], environment);
    brokers.push(broker);
    process.kill(broker.pid, 'SIGUSR2');
    const isLogged = () => broker.log.some(({ event }) => event === 'unhandled_rejection');
    await vi.waitUntil(() => isLogged() || !broker.running, { timeout: scaled(30_000) });
    const line = broker.log.find(({ event }) => event === 'unhandled_rejection');
    expect(line).toMatchObject({ level: 'error', message: expect.stringContaining('lost in the background') });
    const client = await connect(broker);
    await createTopic(client, 'after');
    expect(await broker.stop()).toBe(0);
  });
});
