import { spawnSync } from 'node:child_process';
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startBrokerProcess, temporaryFolder } from '../support/broker-process.ts';
import { withoutSettings } from '../support/environment.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { programArguments } from '../support/programs.ts';
import { batchOf, createTopic, produce } from '../support/requests.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** A start that neither fails nor serves within this time hangs, ms. */
const START_MS_MAX = scaled(60_000);

const folder = temporaryFolder();
const data = join(folder.path, 'items', 'data.mdb');

beforeAll(async () => {
  const broker = await startBrokerProcess(folder.path);
  const client = await TcpClient.connect(broker);
  const topic = await createTopic(client, 'kept');
  for (let i = 0; i < 20; i++) await produce(client, topic, batchOf(['x'.repeat(20_000)]));
  client.close();
  expect(await broker.stop()).toBe(0);
}, START_MS_MAX);

afterAll(() => folder.remove());

/** Each leaves less of the store than the one before. */
it.each([
  ['is cut off', () => truncateSync(data, Math.floor(statSync(data).size / 2)), /is damaged: it is cut off/],
  ['is no LMDB file', () => writeFileSync(data, 'x'.repeat(100_000)), /is not an LMDB file/],
  ['is empty', () => truncateSync(data, 0), /is empty/],
  ['is gone', () => rmSync(data), /is missing/],
  ['is gone with its folder', () => rmSync(join(folder.path, 'items'), { recursive: true }), /is missing/],
])('tidelog dev says in one sentence that its data file %s, and exits with 1', (_, damage, sentence) => {
  damage();
  const args = ['dev', '--data-dir', folder.path, '--listeners', 'PLAINTEXT://127.0.0.1:0'];
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [...programArguments('lib/cli/main.ts'), ...args],
    { cwd: ROOT, encoding: 'utf8', timeout: START_MS_MAX, env: withoutSettings(process.env) },
  );
  expect({ status, signal, stdout }).toEqual({ status: 1, signal: null, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
