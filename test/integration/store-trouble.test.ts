import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import {
  type BrokerProcess,
  startBrokerProcess,
  startLimitedBroker,
  temporaryFolder,
} from '../support/broker-process.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { WITH_METRICS } from '../support/metric.ts';
import { RawClient } from '../support/raw-client.ts';
import { batchOf, createTopic, produce } from '../support/requests.ts';
import { until } from '../support/waiting.ts';

const TEST_MS_MAX = scaled(40_000);

let folder: ReturnType<typeof temporaryFolder>;
let brokers: BrokerProcess[];

beforeEach(() => {
  folder = temporaryFolder();
  brokers = [];
});

afterEach(async () => {
  for (const broker of brokers) await broker.kill();
  folder.remove();
});

async function started(starting: Promise<BrokerProcess>): Promise<BrokerProcess> {
  const broker = await starting;
  brokers.push(broker);
  return broker;
}

/** What a broker says of itself. */
async function health(broker: BrokerProcess): Promise<{ status: number; text: string }> {
  const monitoring = broker.log.find(({ event }) => event === 'started')!.monitoring;
  const response = await fetch(`http://${monitoring}/healthz`);
  return { status: response.status, text: await response.text() };
}

function events(broker: BrokerProcess, name: string): readonly unknown[] {
  return broker.log.filter(({ event }) => event === name);
}

/** Waits for an event in the log. */
function logged(broker: BrokerProcess, name: string): Promise<void> {
  return until(() => events(broker, name).length > 0, name, { withinMs: TEST_MS_MAX });
}

/** A process that takes the lock of the store's LMDB and is stopped, as by Ctrl-Z, while it has it. */
async function holdLock(dataDir: string): Promise<ChildProcess> {
  const script = `
    import { open } from 'lmdb';
    const root = open({ path: process.argv[1], noSubdir: false, mapSize: 2 ** 40, maxDbs: 8 });
    root.transactionSync(() => {
      process.stdout.write('held');
      process.kill(process.pid, 'SIGSTOP');
    });
  `;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script, join(dataDir, 'items')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout!, 'data');
  return holder;
}

describe('a store that takes no writes is told of in the log and by /healthz', () => {
  it(
    'where the disk is full',
    async () => {
      // A limit on the size of files stands in for the full disk: writes stop in the same place, with an error.
      const limits = "trap '' XFSZ; ulimit -f 8000";
      const broker = await started(startLimitedBroker(limits, folder.path, WITH_METRICS));
      const client = await TcpClient.connect(broker);
      const topic = await createTopic(client, 'full');
      expect(await health(broker)).toMatchObject({ status: 200 });
      const large = 'x'.repeat(100_000);
      let error = 0;
      for (let i = 0; error === 0 && i < 500; i++) {
        error = (await produce(client, topic, batchOf([large]), { timeoutMs: 1_000 })).errorCode;
      }
      expect(error).not.toBe(0);
      await logged(broker, 'store_failing');
      expect(events(broker, 'store_failing')).toEqual([
        expect.objectContaining({ level: 'error', message: expect.stringContaining('df -h') }),
      ]);
      expect(await health(broker)).toEqual({ status: 503, text: expect.stringContaining('takes no writes') });
      client.close();
    },
    TEST_MS_MAX,
  );

  it(
    'where another process was stopped while it held the lock, until that goes on',
    async () => {
      const broker = await started(startBrokerProcess(folder.path, WITH_METRICS));
      const client = await TcpClient.connect(broker);
      const topic = await createTopic(client, 'locked');
      const holder = await holdLock(folder.path);
      try {
        const { errorCode } = await produce(client, topic, batchOf(['waits']), { timeoutMs: 1_000 });
        expect(errorCode).not.toBe(0);
        await logged(broker, 'store_failing');
        expect(events(broker, 'store_failing')).toEqual([
          expect.objectContaining({ level: 'error', message: expect.stringContaining('state T in ps') }),
        ]);
        expect(await health(broker)).toMatchObject({ status: 503 });
      } finally {
        holder.kill('SIGKILL');
      }
      await logged(broker, 'store_recovered');
      expect((await produce(client, topic, batchOf(['goes on']))).errorCode).toBe(0);
      expect(await health(broker)).toMatchObject({ status: 200 });
      client.close();
    },
    TEST_MS_MAX,
  );

  it(
    'where its folder was removed',
    async () => {
      const broker = await started(startBrokerProcess(folder.path, WITH_METRICS));
      const client = await TcpClient.connect(broker);
      const topic = await createTopic(client, 'removed');
      folder.remove();
      const { errorCode } = await produce(client, topic, batchOf(['lost']), { timeoutMs: 1_000 });
      expect(errorCode).not.toBe(0);
      await logged(broker, 'store_failing');
      expect(events(broker, 'store_failing')).toEqual([
        expect.objectContaining({ level: 'error', message: expect.stringContaining('was removed') }),
      ]);
      expect(await health(broker)).toMatchObject({ status: 503 });
      client.close();
    },
    TEST_MS_MAX,
  );
});

it(
  'keeps descriptors for the store: connections end before they do',
  async () => {
    const broker = await started(startLimitedBroker('ulimit -n 400', folder.path, WITH_METRICS));
    expect(events(broker, 'connections_limited')).toEqual([
      expect.objectContaining({ level: 'warn', connectionsMax: 144, message: expect.stringContaining('ulimit -n') }),
    ]);
    const client = await TcpClient.connect(broker);
    const topic = await createTopic(client, 'crowded');
    const crowd: RawClient[] = [];
    for (let i = 0; i < 450; i++) crowd.push(await RawClient.connect(broker));
    await logged(broker, 'connection_refused');
    expect((await produce(client, topic, batchOf(['kept']))).errorCode).toBe(0);
    const described = await client.ask(ApiKey.Metadata, 9, { topics: null });
    expect(described.topics).toHaveLength(1);
    expect(events(broker, 'accept_failed')).toEqual([]);
    for (const one of crowd) one.reset();
    client.close();
  },
  TEST_MS_MAX,
);
