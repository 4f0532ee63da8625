import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiKey } from '../../lib/wire/apis.ts';
import { findPython } from '../../localstack/python.ts';
import { median } from '../bench/statistics.ts';
import { TcpClient } from '../support/kafka-client.ts';
import { scaled } from '../support/machine.ts';
import { batchOf, createTopic, fetchRequest, produce } from '../support/requests.ts';
import { have } from '../support/tools.ts';
import { cleanEnvironment, copyExample, type InstalledPackage, installPackage, ROOT } from './installed-package.ts';
import {
  CDK_PACKAGES,
  CDK_PROGRAM,
  CDK_TYPED_PROGRAM,
  EMBEDDING_PROGRAM,
  TIMED_PROGRAM,
  TSCONFIG,
  TYPED_PROGRAM,
  WRONG_PROGRAM,
} from './programs.ts';

const INSTALL_TIMEOUT_MS = scaled(240_000);
const STARTS = 7;

/** From a program's first line to a broker that takes connections: what a test file waits for. */
const READY_MS_MAX = 300;

const HAVE_PYTHON = have(
  'Python 3.10',
  (await findPython()) !== undefined,
  'Install it to run the tests with MiniStack.',
);

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
      (path) =>
        !/^(dist\/(lib|functions|localstack|chunks)\/.*\.(m?js|d\.ts)|dist\/lib\/stacks\/gateway-image\/(Dockerfile|start\.sh)|localstack\/compose\.yaml|[A-Z]+(\.md)?|package\.json)$/.test(
          path,
        ),
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

describe('the construct', () => {
  it('is the only part that needs the CDK, and says so', async () => {
    expect(existsSync(join(installed.folder, 'node_modules/aws-cdk-lib'))).toBe(false);
    const program = installed.write('no-cdk.js', "await import('tidelog');\nawait import('tidelog/cdk');");
    await expect(installed.run(process.execPath, [program])).rejects.toThrow(/Cannot find package 'aws-cdk-lib'/);
  });

  it(
    'synthesizes in an app of somebody else, with the functions that came along',
    async () => {
      await installed.run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', ...CDK_PACKAGES]);
      const program = installed.write('cdk-app.js', CDK_PROGRAM);
      const { stdout } = await installed.run(process.execPath, [program]);
      expect(JSON.parse(stdout)).toEqual({ functions: 7, tables: 2, assets: 7, largestMiB: 0 });
    },
    INSTALL_TIMEOUT_MS,
  );

  it('has types that a strict app compiles against', async () => {
    const { compilerOptions } = TSCONFIG;
    const lenient = { ...compilerOptions, skipLibCheck: true, exactOptionalPropertyTypes: false };
    installed.write('tsconfig.json', JSON.stringify({ compilerOptions: lenient, files: ['cdk-typed.ts'] }));
    installed.write('cdk-typed.ts', CDK_TYPED_PROGRAM);
    await expect(compile()).resolves.toBe('');
  });
});

describe.runIf(HAVE_PYTHON)('tidelog/localstack', () => {
  it(
    'brings up an endpoint with Tidelog on it for the tests of the example integration-test-aws',
    async () => {
      // The example's own devDependencies, less those that are there.
      const folder = copyExample(installed, 'integration-test-aws');
      const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      const { tidelog, ...packages } = devDependencies as Record<string, string>;
      const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
      await installed.run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', ...wanted]);
      const { stdout } = await installed.run('npm', ['--prefix', folder, 'test']);
      expect(stdout).toMatch(/1 passed/);
    },
    INSTALL_TIMEOUT_MS,
  );

  it('runs as a command', async () => {
    const { stdout } = await installed.run('npx', ['--no-install', 'tidelog-localstack', 'down']);
    expect(stdout).toBe('There is no endpoint to end: none is up.\n');
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
