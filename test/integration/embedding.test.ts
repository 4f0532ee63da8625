import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { LogFields } from '../../lib/core/logger.ts';
import { StartError, startTidelog, type Tidelog, type TidelogOptions } from '../../lib/index.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { batchOf, createTopic, fetchRequest, produce } from '../support/requests.ts';

const running: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close();
});

async function start(options?: TidelogOptions): Promise<Tidelog> {
  const tidelog = await startTidelog(options);
  running.push(tidelog);
  return tidelog;
}

async function connect({ bootstrapServers }: Tidelog): Promise<TcpClient> {
  const [host, port] = bootstrapServers.split(':');
  const client = await TcpClient.connect({ host: host!, port: Number(port) });
  running.push(client);
  return client;
}

async function partitionsOf(client: TcpClient, topic: string): Promise<number> {
  const { topics } = await client.ask(ApiKey.Metadata, 12, { topics: [{ name: topic }], allowAutoTopicCreation: true });
  return topics[0]!.partitions.length;
}

describe('startTidelog', () => {
  it('listens on a free port of 127.0.0.1 over an empty store', async () => {
    const tidelog = await start();
    expect(tidelog.bootstrapServers).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    const client = await connect(tidelog);
    const { topics } = await client.ask(ApiKey.Metadata, 12, { topics: null });
    expect(topics).toEqual([]);
    expect(await produce(client, await createTopic(client, 'orders'), batchOf(['a']))).toMatchObject({ errorCode: 0 });
  });

  it('starts twice in one process, and nothing of one is in the other', async () => {
    const [one, other] = await Promise.all([start(), start()]);
    expect(one.clusterId).not.toBe(other.clusterId);
    await createTopic(await connect(one), 'mine');
    const { topics } = await (await connect(other)).ask(ApiKey.Metadata, 12, { topics: null });
    expect(topics).toEqual([]);
  });

  it('takes settings by their names in Kafka', async () => {
    const client = await connect(await start({ settings: { 'num.partitions': '3' } }));
    expect(await partitionsOf(client, 'auto')).toBe(3);
  });

  it('keeps its data in a folder when given one', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'tidelog-embedding-'));
    try {
      const first = await start({ dataDir });
      const before = await connect(first);
      const topic = await createTopic(before, 'kept');
      await produce(before, topic, batchOf(['a']));
      await first.close();
      const second = await start({ dataDir });
      expect(second.clusterId).toBe(first.clusterId);
      const { responses } = await (await connect(second)).ask(ApiKey.Fetch, 12, fetchRequest(topic));
      expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 1 });
      await second.close();
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('listens on the port that it is told', async () => {
    const first = await start();
    const port = Number(first.bootstrapServers.split(':')[1]);
    await first.close();
    expect((await start({ port })).bootstrapServers).toBe(`127.0.0.1:${port}`);
    await expect(start({ port })).rejects.toThrow(
      `Listener PLAINTEXT cannot use 127.0.0.1:${port}: another process has the port.`,
    );
  });

  it('logs to the logger that it is given', async () => {
    const events: LogFields[] = [];
    const tidelog = await startTidelog({ logger: { log: (_level, fields) => void events.push(fields) } });
    await tidelog.close();
    expect(events.map(({ event }) => event)).toEqual(['started', 'stopped']);
  });

  it('closes once, however often it is asked to, also at the end of a block', async () => {
    let closed: Tidelog | undefined;
    {
      await using tidelog = await startTidelog();
      closed = tidelog;
      await connect(tidelog);
      await Promise.all([tidelog.close(), tidelog.close()]);
    }
    await expect(connect(closed)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('leaves the process as it was', async () => {
    const signals = () => ['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'uncaughtException', 'unhandledRejection'];
    const listeners = () => signals().map((name) => process.listenerCount(name));
    const before = { listeners: listeners(), environment: { ...process.env }, argv: [...process.execArgv] };
    const tidelog = await startTidelog({ settings: { 'tidelog.metrics.port': '0' } });
    expect({ listeners: listeners(), environment: { ...process.env }, argv: [...process.execArgv] }).toEqual(before);
    await tidelog.close();
    expect(listeners()).toEqual(before.listeners);
  });
});

describe('wrong options', () => {
  it.each<[string, TidelogOptions, string]>([
    [
      'an unknown setting',
      { settings: { 'num.partition': '3' } },
      'There is no setting num.partition. Did you mean num.partitions?',
    ],
    [
      'a wrong value',
      { settings: { 'num.partitions': 'three' } },
      'num.partitions: "three" (from the program) is wrong; allowed is a whole number from 1 to 10000.',
    ],
    [
      'a number instead of a text',
      { settings: { 'num.partitions': 3 as unknown as string } },
      'num.partitions: the value has to be a text, as in a file.',
    ],
    [
      'two names of one setting',
      { settings: { 'log.dir': 'a', 'log.dirs': 'b' } },
      'log.dirs: this setting is given twice, by two of its names.',
    ],
    [
      'a port and listeners',
      { port: 1, settings: { listeners: 'PLAINTEXT://127.0.0.1:0' } },
      'listeners cannot be set both by an option and in settings; leave one out.',
    ],
    [
      'a store without its tables',
      { store: 'aws' },
      'tidelog.journal.table: the store aws needs it. tidelog.state.table: the store aws needs it. tidelog.bucket: the store aws needs it.',
    ],
  ])('%s is told in a sentence', async (_name, options, message) => {
    const rejection = await startTidelog(options).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(rejection).toBeInstanceOf(StartError);
    expect((rejection as StartError).message).toBe(message);
  });

  it('may name the store among the settings, too', async () => {
    await expect(start({ settings: { 'tidelog.store': 'memory' } })).resolves.toBeDefined();
  });
});
