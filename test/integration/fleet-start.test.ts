import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StartError, startTidelog, type Tidelog } from '../../lib/run/start.ts';
import { ApiKey } from '../../lib/wire/apis.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { settingsOf } from '../support/settings.ts';

let folder: string;
const running: Tidelog[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tidelog-fleet-'));
});

afterEach(async () => {
  for (const one of running.splice(0)) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A gateway on a free port over the folder, as a process of its own would be. */
async function start(values: Readonly<Record<string, string>> = {}): Promise<Tidelog> {
  const settings = settingsOf({
    'tidelog.store': 'embedded',
    'tidelog.data.dir': folder,
    listeners: 'PLAINTEXT://127.0.0.1:0',
    'tidelog.fleet': 'true',
    'broker.heartbeat.interval.ms': '100',
    'broker.session.timeout.ms': '1000',
    ...values,
  });
  const started = await startTidelog({ settings, logger: { log: () => {} } });
  running.push(started);
  return started;
}

async function nodesOf({ bootstrapServers }: Tidelog): Promise<string[]> {
  const [host, port] = bootstrapServers.split(':') as [string, string];
  const client = await TcpClient.connect({ host, port: Number(port) });
  const { brokers } = await client.ask(ApiKey.Metadata, 12, { topics: [], allowAutoTopicCreation: false });
  client.close();
  return brokers.map((one) => `${one.nodeId} ${one.host}:${one.port}`);
}

it('a gateway tells others where it is, and takes its leave', async () => {
  const first = await start();
  const second = await start();
  const both = [`1 ${first.bootstrapServers}`, `2 ${second.bootstrapServers}`];
  expect(await nodesOf(second)).toEqual(both);
  await expect.poll(() => nodesOf(first)).toEqual(both);
  await running.splice(running.indexOf(first), 1)[0]!.close();
  await expect.poll(() => nodesOf(second)).toEqual(both.slice(1));
});

it('a second gateway with a node id that is in use does not start, and says where the other one is', async () => {
  const first = await start({ 'node.id': '7' });
  const refused = start({ 'node.id': '7' });
  await expect(refused).rejects.toThrow(StartError);
  await expect(refused).rejects.toThrow(`Node id 7 is in use by the gateway at ${first.bootstrapServers}`);
  await running.splice(0)[0]!.close();
  const next = await start({ 'node.id': '7' });
  expect(await nodesOf(next)).toEqual([`7 ${next.bootstrapServers}`]);
});
