import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { programArguments } from '../../support/programs.ts';
import { RawClient } from '../../support/raw-client.ts';
import { until } from '../../support/waiting.ts';
import { addressIn, runInProcess as run } from './command-run.ts';

const API_VERSIONS = 18;
const ANY_PORT = ['--listeners', 'PLAINTEXT://127.0.0.1:0'];

const folder = mkdtempSync(join(tmpdir(), 'tidelog-dev-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tidelog', () => {
  it('prints its version and its commands', async () => {
    const version = run(['--version']);
    expect(await version.exitCode).toBe(0);
    expect(version.out()).toMatch(/^tidelog \d+\.\d+\.\d+\n$/);
    const help = run(['--help']);
    expect(await help.exitCode).toBe(0);
    expect(help.out()).toContain('dev');
  });

  it.each([
    [[], 'Usage: tidelog COMMAND'],
    [['devv'], 'There is no command devv. Did you mean dev?'],
    [['dev', '--num-partitons', '3'], 'Did you mean --num-partitions?'],
    [['dev', '--node-id', 'x'], 'node.id: "x" (from --node-id) is wrong'],
    [['dev', '--listeners', 'PLAINTEXT://0.0.0.0:0'], '--allow-anonymous'],
  ])('exits with 2 on %j', async (args, message) => {
    const { exitCode, out, err } = run(args);
    expect(await exitCode).toBe(2);
    expect(out()).toBe('');
    expect(err()).toContain(message);
  });
});

describe('tidelog dev', () => {
  it('tells its flags', async () => {
    const { exitCode, out } = run(['dev', '--help']);
    expect(await exitCode).toBe(0);
    expect(out()).toContain('--num-partitions NUMBER');
  });

  it('serves until it is stopped, and says where', async () => {
    const dev = run(['dev', '--store', 'memory', ...ANY_PORT], { TIDELOG_NOPE: '1' });
    await until(() => dev.out().includes('Ctrl-C'), 'the banner');
    const banner = dev.out();
    const address = addressIn(banner);
    expect(banner).toContain('in memory');
    expect(banner).toContain(`kcat -C -b 127.0.0.1:${address.port} -t greetings`);
    expect(banner).toMatch(/Cluster {2}\S+\n/);
    const client = await RawClient.connect(address);
    await client.sendRequest({ apiKey: API_VERSIONS, correlationId: 42 });
    expect(await client.receiveIds(1)).toEqual([42]);
    dev.signal();
    expect(await dev.exitCode).toBe(0);
    expect(await client.closed).toBe('end');
    await expect(RawClient.connect(address)).rejects.toThrow('ECONNREFUSED');
    const lines = dev
      .err()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(['setting_ignored', 'started', 'stopped']);
    expect(dev.stops.size).toBe(0);
  });

  it('says where the metrics are, if they were asked for', async () => {
    const dev = run(['dev', '--store', 'memory', '--metrics-port', '0', ...ANY_PORT]);
    await until(() => dev.out().includes('Ctrl-C'), 'the banner');
    const [, url] = /Metrics {2}(http:\S+), and \/healthz\n/.exec(dev.out())!;
    expect((await fetch(url!)).status).toBe(200);
    dev.signal();
    expect(await dev.exitCode).toBe(0);
    await expect(fetch(url!)).rejects.toThrow();
  });

  it('ends at once on a second signal', async () => {
    const dev = run(['dev', '--store', 'memory', ...ANY_PORT]);
    await until(() => dev.out().includes('Ctrl-C'), 'the banner');
    dev.signal();
    expect(dev.exits).toEqual([]);
    dev.signal();
    expect(dev.exits).toEqual([1]);
    await dev.exitCode;
  });

  it('keeps what it stores in the folder', async () => {
    const args = ['dev', '--data-dir', join(folder, 'kept'), ...ANY_PORT];
    const clusters: string[] = [];
    for (let start = 0; start < 2; start++) {
      const dev = run(args);
      await until(() => dev.out().includes('Ctrl-C'), 'the banner');
      expect(dev.out()).toContain(`embedded, in ${join(folder, 'kept')}`);
      clusters.push(/Cluster {2}(\S+)/.exec(dev.out())![1]!);
      dev.signal();
      expect(await dev.exitCode).toBe(0);
    }
    expect(clusters[1]).toBe(clusters[0]);
  });

  it('says in one sentence why it cannot start', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const taken = run(['dev', '--store', 'memory', '--listeners', `PLAINTEXT://127.0.0.1:${port}`]);
    expect(await taken.exitCode).toBe(1);
    expect(taken.err()).toBe(
      `Listener PLAINTEXT cannot use 127.0.0.1:${port}: another process has the port. ` +
        'Stop it, or choose another port with --listeners PLAINTEXT://127.0.0.1:PORT.\n',
    );
    other.close();

    const path = join(folder, 'file');
    writeFileSync(path, '');
    const noFolder = run(['dev', '--data-dir', path, ...ANY_PORT]);
    expect(await noFolder.exitCode).toBe(1);
    expect(noFolder.err()).toContain('The data folder cannot be used');
    expect(noFolder.err()).toContain('Choose another one with --data-dir FOLDER.');
  });

  it('stops in order on SIGTERM as a process', async () => {
    const command = [...programArguments('lib/cli/main.ts'), 'dev', '--store', 'memory', ...ANY_PORT];
    const child = spawn(process.execPath, command);
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    const exited = once(child, 'exit');
    await until(() => out.includes('Ctrl-C'), 'the banner');
    await RawClient.connect(addressIn(out));
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
