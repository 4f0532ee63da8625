import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/protocol/apis.ts';
import { median } from '../bench/statistics.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { batchOf, createTopic, fetchRequest, produce } from '../support/requests.ts';
import { cleanEnvironment, copyExample, type InstalledPackage, installPackage, ROOT } from './installed-package.ts';
import { EMBEDDING_PROGRAM, TIMED_PROGRAM, TSCONFIG, TYPED_PROGRAM, WRONG_PROGRAM } from './programs.ts';

const INSTALL_TIMEOUT_MS = 240_000;
const STARTS = 7;

/** From a program's first line to a broker that takes connections: what a test file waits for. */
const READY_MS_MAX = 300;

let installed: InstalledPackage;

beforeAll(async () => {
  installed = await installPackage();
}, INSTALL_TIMEOUT_MS);

afterAll(() => installed?.remove());

describe('the tarball', () => {
  it('has compiled code with its types, and nothing that only this project needs', () => {
    const paths = installed.files.map(({ path }) => path);
    for (const needed of ['dist/lib/index.js', 'dist/lib/index.d.ts', 'dist/lib/cli/main.js', 'README.md', 'LICENSE']) {
      expect(paths).toContain(needed);
    }
    const strange = paths.filter(
      (path) => !/^(dist\/(lib|functions|chunks)\/.*\.(js|d\.ts)|[A-Z]+(\.md)?|package\.json)$/.test(path),
    );
    expect(strange).toEqual([]);
    process.stderr.write(
      `tarball ${kib(installed.packedBytes)} KiB, with all dependencies installed ${kib(installed.installedBytes)} KiB\n`,
    );
  });
});

describe('the command', () => {
  it('runs by npx, takes records and gives them back', async () => {
    const listeners = ['--listeners', 'PLAINTEXT://127.0.0.1:0'];
    const child = spawn('npx', ['--no-install', 'tidelog', 'dev', ...listeners], {
      cwd: installed.folder,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    try {
      let output = '';
      const address = await new Promise<RegExpExecArray>((resolve, reject) => {
        const read = (chunk: Buffer) => {
          output += chunk;
          const found = /Kafka +([\d.]+):(\d+)\n/.exec(output);
          if (found !== null) resolve(found);
        };
        child.stdout.on('data', read);
        child.stderr.on('data', read);
        child.once('exit', (code) => reject(new Error(`ended with ${code}: ${output}`)));
      });
      const client = await TcpClient.connect({ host: address[1]!, port: Number(address[2]) });
      const topic = await createTopic(client, 'greetings');
      const batch = batchOf(['hello']);
      expect(await produce(client, topic, batch)).toMatchObject({ errorCode: 0, baseOffset: 0 });
      const { responses } = await client.ask(ApiKey.Fetch, 12, fetchRequest(topic));
      const [partition] = responses[0]!.partitions;
      expect(Buffer.from(partition!.records!).includes('hello')).toBe(true);
      client.close();
    } finally {
      // npx runs the command as a child of its own: the signal goes to the group of both.
      process.kill(-child.pid!, 'SIGTERM');
      await exited;
    }
  });
});

describe('the library', () => {
  it('runs inside a program that uses kafkajs', async () => {
    const program = installed.write('embedding.js', EMBEDDING_PROGRAM);
    const { stdout } = await installed.run(process.execPath, [program]);
    const { sent, offsets, sameCluster } = JSON.parse(stdout);
    expect(sent).toMatchObject([{ topicName: 'greetings', errorCode: 0, baseOffset: '0' }]);
    expect(offsets.map(({ high }: { high: string }) => high).sort()).toEqual(['0', '2']);
    expect(sameCluster).toBe(true);
  });

  it(`is ready within ${READY_MS_MAX} ms of a program's first line`, async () => {
    const program = installed.write('timed.js', TIMED_PROGRAM);
    const starts: { importMs: number; readyMs: number; processMs: number }[] = [];
    for (let index = 0; index < STARTS; index++) {
      starts.push(JSON.parse((await installed.run(process.execPath, [program])).stdout));
    }
    const of = (name: keyof (typeof starts)[number]) => Math.round(median(starts.map((start) => start[name])));
    process.stderr.write(
      `start to ready, median of ${STARTS} processes: ${of('readyMs')} ms, of which ${of('importMs')} ms loading; ` +
        `from the start of the process ${of('processMs')} ms\n`,
    );
    expect(of('readyMs')).toBeLessThan(READY_MS_MAX);
  });

  it('has types that a strict program compiles against', async () => {
    installed.write('tsconfig.json', JSON.stringify({ ...TSCONFIG, files: ['typed.ts'] }));
    installed.write('typed.ts', TYPED_PROGRAM);
    await expect(compile()).resolves.toBe('');
  });

  it('has types that find mistakes', async () => {
    installed.write('tsconfig.json', JSON.stringify({ ...TSCONFIG, files: ['wrong.ts'] }));
    installed.write('wrong.ts', WRONG_PROGRAM);
    const lines = (await compile()).split('\n').filter((line) => line.includes('error TS'));
    expect(lines.map((line) => /^wrong\.ts\((\d+),/.exec(line)?.[1])).toEqual(['3', '4', '5', '6']);
  });
});

describe('the examples', () => {
  it('embedded-test passes its own test', async () => {
    const folder = copyExample(installed, 'embedded-test');
    const { stdout } = await installed.run('npm', ['--prefix', folder, 'test']);
    expect(stdout).toMatch(/^# pass 1$|^ℹ pass 1$/m);
  });
});

/** What the project's own compiler has to say about the folder. */
async function compile(): Promise<string> {
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  return installed.run(process.execPath, [compiler, '--project', installed.folder]).then(
    ({ stdout }) => stdout,
    (error: { stdout: string }) => error.stdout,
  );
}

function kib(bytes: number): number {
  return Math.round(bytes / 1024);
}
